package dev.nudge.registry;

import static java.util.Objects.requireNonNull;

import dev.nudge.format.NewFolder;
import dev.nudge.format.OutFolder;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/// Exports a version as a plain PEFT folder.
final class Export {
  private Export() {}

  /// Copies the files of a version.
  ///
  /// @param overwrite whether files of the same names are replaced; other files stay
  /// @throws InputException if files are in the way
  static List<String> of(Version version, Path out, boolean overwrite) {
    OutFolder.checkPlace(out);
    if (!OutFolder.isFree(out) && !overwrite) {
      throw new InputException(
          "--out %s exists and is not empty; give another folder, or --overwrite".formatted(out));
    }
    Path from = version.folder();
    try (Stream<Path> files = Files.walk(from);
        NewFolder folder = NewFolder.at(out)) {
      List<Path> all = files.filter(Files::isRegularFile).map(from::relativize).sorted().toList();
      for (Path file : all) {
        Path to = folder.path().resolve(file);
        OutFolder.make(to.getParent());
        OutFolder.copyLarge(from.resolve(file), to);
      }
      folder.place(List.of());
      return all.stream().map(Path::toString).toList();
    } catch (UncheckedIOException e) {
      throw new RunException(
          "cannot read " + from + ": " + OutFolder.reason(requireNonNull(e.getCause())), e);
    } catch (IOException e) {
      throw new RunException("cannot write " + out + ": " + OutFolder.reason(e), e);
    }
  }
}
