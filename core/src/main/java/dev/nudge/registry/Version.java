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
import org.jspecify.annotations.Nullable;

/// A version of an adapter; immutable but for its state.
///
/// @param name of the adapter
/// @param number from 1, never reused under a name
/// @param digest of its manifest, `sha256:…`: the same for the same files under any name
/// @param folder its PEFT folder; read-only
/// @param pushed who registered it, when, and why
/// @param manifestBytes of the manifest
/// @param bytes of its files
/// @param rank of A and B
/// @param base digest of the base model's weights; null: unknown
/// @param reports evaluation reports, the oldest first
public record Version(
    String name,
    int number,
    String digest,
    Path folder,
    VersionState state,
    Note pushed,
    long manifestBytes,
    long bytes,
    int rank,
    @Nullable String base,
    List<Report> reports) {

  /// An evaluation report of a version.
  ///
  /// @param name of its file
  /// @param digest of the file
  /// @param manifest digest of the manifest that attaches it to the version
  /// @param manifestBytes of that manifest
  public record Report(String name, String digest, String manifest, long manifestBytes) {}

  Version with(VersionState now) {
    return new Version(
        name, number, digest, folder, now, pushed, manifestBytes, bytes, rank, base, reports);
  }

  Version with(List<Report> all) {
    return new Version(
        name, number, digest, folder, state, pushed, manifestBytes, bytes, rank, base, all);
  }

  /// The version as a reference, `NAME:NUMBER`.
  public String shown() {
    return name + ":" + number;
  }

  /// Copies the files into a plain PEFT folder.
  ///
  /// @param overwrite whether files of the same names are replaced; other files stay
  /// @throws InputException if files are in the way
  List<String> copy(Path out, boolean overwrite) {
    OutFolder.checkPlace(out);
    if (!OutFolder.isFree(out) && !overwrite) {
      throw new InputException(
          "--out %s exists and is not empty; give another folder, or --overwrite".formatted(out));
    }
    Path from = folder;
    try (Stream<Path> files = Files.walk(from);
        NewFolder copy = NewFolder.at(out)) {
      List<Path> all = files.filter(Files::isRegularFile).map(from::relativize).sorted().toList();
      for (Path file : all) {
        Path to = copy.path().resolve(file);
        OutFolder.make(to.getParent());
        OutFolder.copyLarge(from.resolve(file), to);
      }
      copy.place(List.of());
      return all.stream().map(Path::toString).toList();
    } catch (UncheckedIOException e) {
      throw new RunException(
          "cannot read " + from + ": " + OutFolder.reason(requireNonNull(e.getCause())), e);
    } catch (IOException e) {
      throw new RunException("cannot write " + out + ": " + OutFolder.reason(e), e);
    }
  }
}
