package dev.nudge.registry;

import dev.nudge.format.Blobs;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// A version whose blobs are stored in a layout but that is not registered yet.
///
/// @param digest of the manifest
/// @param bytes of the files
/// @param content digests of all its blobs
record StoredVersion(
    String digest,
    long manifestBytes,
    long bytes,
    int rank,
    @Nullable String base,
    List<String> content) {

  /// Unpacks the version's PEFT folder too.
  static StoredVersion of(
      OciLayout layout, Blobs.Blob blob, Manifest manifest, int rank, @Nullable String base) {
    layout.unpack(blob.digest());
    List<String> content =
        Stream.concat(Stream.of(blob.digest()), manifest.content().map(Descriptor::digest))
            .toList();
    long bytes = manifest.layers().stream().mapToLong(Descriptor::size).sum();
    return new StoredVersion(blob.digest(), blob.size(), bytes, rank, base, content);
  }

  /// Whether all blobs still exist.
  boolean isThere(OciLayout layout) {
    return content.stream().allMatch(layout.blobs()::has)
        && Files.isDirectory(layout.adapter(digest));
  }

  /// Stores a report and the manifest that attaches it to a version.
  static Version.Report report(OciLayout layout, Version version, Path file) {
    Blobs blobs = layout.blobs();
    String name = file.getFileName().toString();
    Descriptor report = Descriptor.of(MediaTypes.DOC, blobs.put(file));
    Manifest manifest = Manifest.ofReport(name, report, OciLayout.descriptor(version), blobs);
    Blobs.Blob blob = blobs.put(manifest.bytes());
    return new Version.Report(name, report.digest(), blob.digest(), blob.size());
  }
}
