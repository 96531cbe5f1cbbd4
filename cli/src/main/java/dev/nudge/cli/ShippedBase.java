package dev.nudge.cli;

import dev.nudge.settings.InputException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import org.jspecify.annotations.Nullable;

/// Locates the base model shipped with nudge: `base/model` in the repository of this code.
final class ShippedBase {
  private static final Path PLACE = Path.of("base", "model");

  private ShippedBase() {}

  /// Returns the folder of the base, relative to the working directory if possible.
  ///
  /// @throws InputException if it does not exist
  static Path folder() {
    Path code = code();
    for (Path p = code; p != null; p = p.getParent()) {
      if (Files.exists(p.resolve(PLACE).resolve("config.json"))) {
        Path found = p.resolve(PLACE);
        Path here = Path.of("").toAbsolutePath();
        return found.startsWith(here) ? here.relativize(found) : found;
      }
    }
    throw new InputException(
        "the base that ships with nudge, " + PLACE + ", is not there; give --model a model folder");
  }

  private static @Nullable Path code() {
    CodeSource source = ShippedBase.class.getProtectionDomain().getCodeSource();
    try {
      return source == null ? null : Path.of(source.getLocation().toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException("the place of this code is no path", e);
    }
  }
}
