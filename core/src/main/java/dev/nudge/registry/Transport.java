package dev.nudge.registry;

import dev.nudge.format.Blobs;
import dev.nudge.format.Sha256;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// Pulls and pushes versions between a registry and a remote; a version keeps its digest.
final class Transport {
  private static final Pattern TAG = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,127}");

  private final OciLayout layout;
  private final Address address;
  private final Address.@Nullable Credentials credentials;

  Transport(OciLayout layout, Address address, Address.@Nullable Credentials credentials) {
    this.layout = layout;
    this.address = address;
    this.credentials = credentials;
  }

  /// Checks that the remote has the tag; nothing is written.
  ///
  /// @throws InputException if absent
  void look(String tag) {
    try (Depot depot = from()) {
      Manifest.read(depot.manifest(tag), shown()).files(shown());
    } catch (IOException e) {
      throw failed("pull from", e);
    }
  }

  /// Stores the version under a remote's tag, verified: digests of all bytes, plain file names, and
  /// that the whole is an adapter or a release.
  StoredVersion pull(String tag) {
    String where = shown();
    try (Depot depot = from()) {
      byte[] bytes = depot.manifest(tag);
      Manifest manifest = Manifest.read(bytes, where);
      for (Map.Entry<String, Descriptor> file : manifest.files(where).entrySet()) {
        String type = file.getValue().mediaType();
        if (type.matches(".*[.+](tar|gzip|zstd)")) {
          throw new InputException(
              "%s: %s is packed (%s); files as they are can be pulled"
                  .formatted(where, file.getKey(), type));
        }
      }
      for (Descriptor descriptor : manifest.content().toList()) {
        take(depot, descriptor);
      }
      Blobs.Blob blob = layout.blobs().put(bytes);
      layout.unpack(blob.digest());
      Path folder = layout.adapter(blob.digest());
      try {
        Intake.Kind kind = Intake.Kind.of(folder, true);
        ReleaseReport release = kind.release();
        if (release != null) {
          for (Map.Entry<String, Descriptor> file : manifest.files(where).entrySet()) {
            release.check(file.getKey(), file.getValue().digest());
          }
        }
        return StoredVersion.of(layout, blob, manifest, kind.rank(), kind.base());
      } catch (InputException e) {
        String why = String.valueOf(e.getMessage()).replace(folder.toString(), where);
        throw new InputException(why, e);
      }
    } catch (IOException e) {
      throw failed("pull from", e);
    }
  }

  private void take(Depot depot, Descriptor wanted) throws IOException {
    Blobs blobs = layout.blobs();
    if (blobs.has(wanted.digest())) {
      return;
    }
    try (InputStream in = depot.blob(wanted)) {
      blobs.put(in, got -> got.digest().equals(wanted.digest()) && got.size() == wanted.size());
    }
  }

  /// Pushes a version, its base's manifest and its reports.
  ///
  /// @param tag on the remote; null: that of the address, or the number of the version
  Registry.Published publish(Version version, @Nullable String tag) {
    String given = address instanceof Address.Remote remote ? remote.tag() : "";
    boolean digest = given.startsWith(Sha256.PREFIX);
    String number = Integer.toString(version.number());
    String there = tag != null ? tag : given.isEmpty() || digest ? number : given;
    if (!TAG.matcher(there).matches()) {
      throw new InputException(
          "--tag is '%s'; it must be letters, digits and . _ -, at most 128".formatted(there));
    }
    try (Depot depot = to()) {
      long bytes = 0;
      if (version.base() != null) {
        bytes += give(depot, layout.base(version.base()), "");
      }
      bytes += give(depot, OciLayout.descriptor(version), there);
      for (Version.Report report : version.reports()) {
        bytes += give(depot, OciLayout.descriptor(report), "");
      }
      depot.finish();
      return new Registry.Published(version.digest(), there, bytes);
    } catch (IOException e) {
      throw failed("publish to", e);
    }
  }

  private long give(Depot depot, Descriptor descriptor, String tag) throws IOException {
    Blobs blobs = layout.blobs();
    long bytes = 0;
    List<Descriptor> content = layout.manifest(descriptor.digest()).content().toList();
    for (Descriptor blob : content) {
      bytes += depot.put(blob, blobs.path(blob.digest())) ? blob.size() : 0;
    }
    depot.put(descriptor, blobs.read(descriptor.digest()), tag);
    return bytes;
  }

  private RunException failed(String what, IOException e) {
    String why =
        e instanceof java.nio.file.FileSystemException f
            ? dev.nudge.format.OutFolder.reason(f)
            : String.valueOf(e.getMessage());
    return new RunException("cannot %s %s: %s".formatted(what, shown(), why), e);
  }

  private String shown() {
    return switch (address) {
      case Address.Remote remote -> remote.toString();
      case Address.Archive archive -> archive.file().toString();
      case Address.Folder folder -> folder.folder().toString();
    };
  }

  private Depot from() {
    return switch (address) {
      case Address.Remote remote -> new RemoteDepot(remote, credentials);
      case Address.Archive archive -> ArchiveDepot.from(archive.file());
      case Address.Folder folder -> FolderDepot.from(folder.folder());
    };
  }

  private Depot to() {
    return switch (address) {
      case Address.Remote remote -> new RemoteDepot(remote, credentials);
      case Address.Archive archive -> ArchiveDepot.to(archive.file());
      case Address.Folder folder -> FolderDepot.to(folder.folder());
    };
  }
}
