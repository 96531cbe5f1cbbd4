package dev.nudge.model;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/// The tiny checkpoints of every family.
public final class GoldenFamilies {
  private static final Path FOLDER = Path.of("src/test/resources/golden/families");

  private GoldenFamilies() {}

  /// The folders of their models.
  public static List<Path> models() throws IOException {
    try (Stream<Path> folders = Files.list(FOLDER)) {
      return folders.map(f -> f.resolve("model")).filter(Files::isDirectory).sorted().toList();
    }
  }
}
