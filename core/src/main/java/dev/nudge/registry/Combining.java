package dev.nudge.registry;

import dev.nudge.adapter.Combination;
import dev.nudge.format.OutFolder;
import dev.nudge.identity.Identity;
import dev.nudge.settings.InputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Combines adapters into a weighted sum, with `nudge.json` and tokenizer files.
public final class Combining {
  private static final List<String> BESIDE =
      List.of("chat_template.jinja", "tokenizer.json", "tokenizer_config.json");

  private Combining() {}

  /// Writes the weighted sum of adapters as an adapter folder.
  ///
  /// @param rank maximum rank of a layer; null: the exact sum
  /// @param out a new folder
  /// @param warnings receives one line each
  /// @throws InputException if the adapters do not match, or the folder is not empty
  public static Combination.Combined run(
      List<Combination.Part> parts, @Nullable Integer rank, Path out, Consumer<String> warnings) {
    OutFolder.checkPlace(out);
    if (!OutFolder.isFree(out)) {
      throw new InputException("--out " + out + " exists and is not empty; give another folder");
    }
    if (rank != null && rank < 1) {
      throw new InputException("--rank is " + rank + "; it must be at least 1");
    }
    Identity identity = identity(parts, warnings);
    Combination.Combined combined = Combination.write(parts, rank, out);
    if (identity != null) {
      identity.write(out);
    }
    for (String name : BESIDE) {
      copy(parts, name, out, warnings);
    }
    return combined;
  }

  /// The common base of all adapters; null if it is unknown for one of them.
  private static @Nullable Identity identity(
      List<Combination.Part> parts, Consumer<String> warnings) {
    Path first = parts.getFirst().folder();
    Identity all = Identity.read(first, false);
    for (Combination.Part part : parts) {
      Identity one = Identity.read(part.folder(), false);
      if (one == null) {
        warnings.accept(part.folder() + " has no " + Identity.FILE + ", and so the sum has none");
        return null;
      }
      if (all != null && one.base().stream().noneMatch(all.base()::contains)) {
        throw new InputException(
            "%s and %s were trained on different bases; only adapters of one base can be combined"
                .formatted(first, part.folder()));
      }
      if (all != null && !one.held().equals(all.held())) {
        warnings.accept(
            "%s was trained on %s, %s on %s"
                .formatted(first, all.held(), part.folder(), one.held()));
      }
    }
    return all;
  }

  private static void copy(
      List<Combination.Part> parts, String name, Path out, Consumer<String> warnings) {
    List<Path> files =
        parts.stream()
            .map(part -> part.folder().resolve(name))
            .filter(Files::isRegularFile)
            .toList();
    if (files.isEmpty()) {
      return;
    }
    Stream<@Nullable String> digests = files.stream().map(dev.nudge.format.Sha256::of);
    if (files.size() < parts.size() || digests.filter(Objects::nonNull).distinct().count() > 1) {
      warnings.accept("the adapters have different files " + name + "; that of the first is kept");
    }
    OutFolder.copy(parts.getFirst().folder().resolve(name), out.resolve(name));
  }
}
