package dev.nudge;

import java.nio.file.Path;

/// Where the golden files of `core` lie, seen from the folder of any module.
public final class Goldens {
  public static final Path FOLDER = Path.of("../core/src/test/resources/golden");

  /// A tiny Llama with a tokenizer.
  public static final Path MODEL = FOLDER.resolve("llama/grouped-tied/model");

  /// An adapter of it on all linear layers, and another one.
  public static final Path ADAPTER = FOLDER.resolve("peft/all-linear/adapter");

  public static final Path OTHER = FOLDER.resolve("peft/patterns-rslora/adapter");

  /// A chat template with tools, for models that have none.
  public static final Path TEMPLATE = FOLDER.resolveSibling("tools.jinja");

  private Goldens() {}
}
