package dev.nudge;

import java.nio.file.Path;

/// Where the golden files of `core` lie, seen from the folder of any module.
public final class Goldens {
  public static final Path FOLDER = Path.of("../core/src/test/resources/golden");

  /// A tiny Llama with a tokenizer.
  public static final Path MODEL = FOLDER.resolve("llama/grouped-tied/model");

  private Goldens() {}
}
