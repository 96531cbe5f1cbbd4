package dev.nudge.model;

import dev.nudge.format.Entry;
import dev.nudge.format.SafeTensors;
import dev.nudge.format.SafeTensorsWriter;
import dev.nudge.settings.Schema;
import dev.nudge.settings.verb.ModelSettings;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.stream.Stream;

/// The checkpoints that bitsandbytes wrote (`src/test/reference/bnb_files.py`), and copies of them
/// with something changed.
final class BnbFiles {
  static final Path GOLDEN = Path.of("src/test/resources/golden/bnb");
  static final Path SOURCE = GOLDEN.resolve("source");
  static final Path DOUBLE = GOLDEN.resolve("double");
  static final Path PLAIN = GOLDEN.resolve("plain");

  private BnbFiles() {}

  /// Tensors by name, to be changed.
  record Part(Entry entry, byte[] bytes) {}

  static ModelSettings settings(Path model, Object... keysAndValues) {
    Map<String, Object> values = new HashMap<>(Map.of("model", model));
    for (int i = 0; i < keysAndValues.length; i += 2) {
      values.put((String) keysAndValues[i], keysAndValues[i + 1]);
    }
    return Schema.of(ModelSettings.class).of(values);
  }

  /// Copies a model folder; its tensors go through `change`.
  static Path changed(Path from, Path to, Consumer<Map<String, Part>> change) throws IOException {
    Files.createDirectories(to);
    try (Stream<Path> files = Files.list(from)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".json")).toList()) {
        Files.copy(file, to.resolve(file.getFileName()));
      }
    }
    Map<String, Part> parts = new LinkedHashMap<>();
    each(from, (name, part) -> parts.put(name, part));
    change.accept(parts);
    Map<String, String> format = Map.of("format", "pt");
    try (SafeTensorsWriter file =
        SafeTensorsWriter.create(
            to.resolve("model.safetensors"),
            format,
            parts.values().stream().map(Part::entry).toList())) {
      parts.forEach((name, part) -> file.write(name, MemorySegment.ofArray(part.bytes())));
    }
    return to;
  }

  /// Visits the tensors of a folder.
  static void each(Path folder, BiConsumer<String, Part> visit) {
    try (SafeTensors file = SafeTensors.open(folder)) {
      for (String name : file.names()) {
        byte[] bytes = file.bytes(name).toArray(ValueLayout.JAVA_BYTE);
        visit.accept(name, new Part(file.entry(name), bytes));
      }
    }
  }
}
