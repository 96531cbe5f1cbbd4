package dev.nudge.bench;

import dev.nudge.model.family.ModelConfig;
import dev.nudge.registry.Note;
import dev.nudge.registry.Registry;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/// Fills a registry with distinct adapters of one shape, `a0`, `a1`, …
final class ManyAdapters {
  private static final String WEIGHTS = "adapter_model.safetensors";

  private ManyAdapters() {}

  private static ByteBuffer number(float value) {
    return ByteBuffer.allocate(Float.BYTES).order(ByteOrder.LITTLE_ENDIAN).putFloat(0, value);
  }

  /// Adds adapters up to `count`.
  static void make(Path folder, Path one, ModelConfig config, int rank, int count)
      throws IOException {
    Registry registry = Registry.open(folder);
    int there = registry.list().size();
    if (there >= count) {
      return;
    }
    Switching.adapter(one, config, rank);
    Path weights = one.resolve(WEIGHTS);
    long size = Files.size(weights);
    for (int i = there; i < count; i++) {
      try (FileChannel file = FileChannel.open(weights, StandardOpenOption.WRITE)) {
        file.write(number(i * 1e-6f), size - 4);
      }
      registry.push("a" + i, one, Note.of(null));
    }
  }
}
