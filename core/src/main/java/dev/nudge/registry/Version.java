package dev.nudge.registry;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A version of an adapter, which never changes but for its state.
///
/// @param name of the adapter
/// @param number from 1, never given twice under a name
/// @param digest of its manifest, `sha256:…`: the same files give the same one under any name
/// @param folder a PEFT folder to read and not to write
/// @param pushed who registered it, when, and why
/// @param manifestBytes of the manifest
/// @param bytes of its files
/// @param rank of A and B
/// @param base digest of the weights that it was trained on; null where that is not known
/// @param reports what was found of it, the oldest first
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

  /// A report of an evaluation.
  ///
  /// @param name of its file
  /// @param digest of its bytes
  /// @param manifest digest of the manifest by which it refers to the version
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

  /// The version as a reference by number.
  public String shown() {
    return name + ":" + number;
  }
}
