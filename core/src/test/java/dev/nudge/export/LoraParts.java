package dev.nudge.export;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.nudge.gguf.GgufHeader;
import dev.nudge.gguf.GgufTensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;

/// A LoRA file of llama.cpp, added to a weight as llama.cpp adds it.
record LoraParts(GgufHeader header, MemorySegment bytes) {
  static LoraParts read(Path file) throws IOException {
    MemorySegment bytes = MemorySegment.ofArray(Files.readAllBytes(file));
    return new LoraParts(GgufHeader.read(file, bytes), bytes);
  }

  boolean has(String weight) {
    return header.tensors().containsKey(weight + ".lora_a");
  }

  /// The number of weights.
  int count() {
    return header.tensors().size() / 2;
  }

  /// Adds alpha / rank · B·A to the numbers of a weight.
  void add(String weight, double[] to) {
    GgufTensor a = Objects.requireNonNull(header.tensors().get(weight + ".lora_a"));
    int rank = a.shape().getFirst().intValue();
    int cols = a.shape().getLast().intValue();
    double[] left = floats(slice(Objects.requireNonNull(header.tensors().get(weight + ".lora_b"))));
    double[] right = floats(slice(a));
    double scale = header.metadata().number("adapter.lora.alpha", null) / rank;
    for (int i = 0; i < to.length; i++) {
      for (int k = 0; k < rank; k++) {
        to[i] += scale * left[i / cols * rank + k] * right[k * cols + i % cols];
      }
    }
  }

  private MemorySegment slice(GgufTensor tensor) {
    return bytes.asSlice(tensor.begin(), tensor.bytes());
  }

  static double[] floats(MemorySegment bytes) {
    double[] all = new double[(int) (bytes.byteSize() / 4)];
    for (int i = 0; i < all.length; i++) {
      all[i] = bytes.get(JAVA_FLOAT_UNALIGNED, 4L * i);
    }
    return all;
  }
}
