package dev.nudge.registry;

import dev.nudge.format.OutFolder;
import dev.nudge.format.Sha256;
import dev.nudge.format.TarFile;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// A tar archive of an OCI image layout, read without unpacking or written anew.
final class ArchiveDepot implements Depot {
  private static final String BLOBS = "blobs/sha256/";
  private static final int MOST = 4 << 20; // bytes of a manifest

  private final @Nullable TarFile tar;
  private final TarFile.@Nullable Writer writer;
  private final Path file;
  private final Set<String> written = new HashSet<>();
  private final List<Descriptor> manifests = new ArrayList<>();

  private ArchiveDepot(@Nullable TarFile tar, TarFile.@Nullable Writer writer, Path file) {
    this.tar = tar;
    this.writer = writer;
    this.file = file;
  }

  /// Opens an archive to pull from.
  static ArchiveDepot from(Path file) {
    if (!Files.isRegularFile(file)) {
      throw new InputException(file + " does not exist; give a folder, a .tar or oci://HOST/NAME");
    }
    return new ArchiveDepot(TarFile.open(file), null, file);
  }

  /// Creates an archive to push to; the file must not exist.
  static ArchiveDepot to(Path file) {
    OutFolder.checkPlace(
        "TARGET", Objects.requireNonNullElse(file.toAbsolutePath().getParent(), file));
    if (Files.exists(file)) {
      throw new InputException(file + " exists; give another name, or remove it");
    }
    ArchiveDepot depot = new ArchiveDepot(null, TarFile.Writer.create(file), file);
    depot.writer().add(OciLayout.MARK, bytes("{\"imageLayoutVersion\":\"1.0.0\"}"));
    return depot;
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private TarFile tar() {
    return Objects.requireNonNull(tar);
  }

  private TarFile.Writer writer() {
    return Objects.requireNonNull(writer);
  }

  private static String name(String digest) {
    return BLOBS + digest.substring(Sha256.PREFIX.length());
  }

  @Override
  public byte[] manifest(String tag) throws IOException {
    if (!tar().has(OciLayout.INDEX)) {
      throw new InputException(file + " is no OCI image layout: it has no " + OciLayout.INDEX);
    }
    Descriptor found =
        Index.read(small(OciLayout.INDEX), file + ": " + OciLayout.INDEX).find(tag, file + "");
    return small(name(found.digest()));
  }

  private byte[] small(String name) throws IOException {
    try (InputStream in = tar().read(name)) {
      byte[] bytes = in.readNBytes(MOST + 1);
      if (bytes.length > MOST) {
        throw new InputException(file + ": " + name + " is longer than 4 MiB");
      }
      return bytes;
    }
  }

  @Override
  public InputStream blob(Descriptor blob) throws IOException {
    return tar().read(name(blob.digest()));
  }

  @Override
  public boolean put(Descriptor blob, Path from) {
    if (!written.add(blob.digest())) {
      return false;
    }
    writer().add(name(blob.digest()), from);
    return true;
  }

  @Override
  public void put(Descriptor manifest, byte[] bytes, String tag) {
    if (written.add(manifest.digest())) {
      writer().add(name(manifest.digest()), bytes);
    }
    manifests.add(tag.isEmpty() ? manifest : manifest.with(MediaTypes.REF_NAME, tag));
  }

  @Override
  public void finish() {
    writer().add(OciLayout.INDEX, bytes(OciLayout.indexOf(manifests)));
    writer().place();
  }

  @Override
  public void close() {
    if (tar != null) {
      tar.close();
    }
    if (writer != null) {
      writer.close();
    }
  }
}
