package dev.nudge.format;

import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributeView;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/// A content-addressed store: a folder of files that are named by their SHA-256 in hexadecimal, as
/// `blobs/sha256` of an OCI image layout.
///
/// A file is written under a temporary name (`.….tmp`), synced and renamed, so a file's bytes
/// always match its name. Nothing is overwritten: an existing file of that name has the same bytes.
///
/// Threading: any number of threads and processes write at once; a caller that deletes a blob must
/// ensure that nothing refers to it.
public final class Blobs {
  private static final Pattern DIGEST = Pattern.compile("sha256:[0-9a-f]{64}");
  private static final Pattern HEX = Pattern.compile("[0-9a-f]{64}");

  /// Suffix of temporary names, which begin with a dot.
  public static final String GROWING = ".tmp";

  private static final Duration ABANDONED = Duration.ofDays(1);
  private static final int BUFFER = 1 << 20;

  private final Path folder;

  private Blobs(Path folder) {
    this.folder = folder;
  }

  /// Opens the store in a folder, which need not exist yet.
  public static Blobs in(Path folder) {
    return new Blobs(folder);
  }

  /// A stored file.
  ///
  /// @param digest digest with its prefix
  public record Blob(String digest, long size) {}

  /// Returns whether a text is a digest with its prefix.
  public static boolean isDigest(String text) {
    return DIGEST.matcher(text).matches();
  }

  /// Returns the path of a blob, which may be absent.
  public Path path(String digest) {
    if (!isDigest(digest)) {
      throw new InputException(
          "a digest is %s; it must be sha256: and 64 hexadecimal digits"
              .formatted(Refusal.quote(digest)));
    }
    return folder.resolve(digest.substring(Sha256.PREFIX.length()));
  }

  /// Returns whether a blob is present.
  public boolean has(String digest) {
    return Files.isRegularFile(path(digest));
  }

  /// Stores bytes.
  ///
  /// @throws RunException if they cannot be written
  public Blob put(byte[] bytes) {
    String digest = Sha256.of(bytes);
    try {
      return has(digest) && Files.size(path(digest)) == bytes.length
          ? new Blob(digest, bytes.length)
          : put(new ByteArrayInputStream(bytes), _ -> true);
    } catch (IOException e) {
      throw OutFolder.failure(folder, e);
    }
  }

  /// Stores a copy of a file.
  ///
  /// @throws RunException if it cannot be read or written
  public Blob put(Path file) {
    try {
      String digest = Sha256.ofFile(file);
      if (has(digest) && Files.size(path(digest)) == Files.size(file)) {
        return new Blob(digest, Files.size(file));
      }
      try (InputStream in = Files.newInputStream(file)) {
        return put(in, _ -> true);
      }
    } catch (IOException e) {
      throw new RunException("cannot copy " + file + ": " + OutFolder.reason(e), e);
    }
  }

  /// Stores the bytes of a stream.
  ///
  /// @param wanted checks the digest and size of all bytes before they are renamed
  /// @throws IOException if reading or writing fails, or `wanted` returns false
  public Blob put(InputStream in, Predicate<Blob> wanted) throws IOException {
    Disk.makeFolder(folder);
    Path growing = folder.resolve("." + UUID.randomUUID() + GROWING);
    boolean placed = false;
    try {
      Blob blob = write(in, growing);
      if (!wanted.test(blob)) {
        throw new IOException(
            "received %d bytes with digest %s, which is not the expected blob"
                .formatted(blob.size, blob.digest));
      }
      if (!has(blob.digest) || Files.size(path(blob.digest)) != blob.size) {
        Disk.move(growing, path(blob.digest));
        placed = true;
        Disk.forceFolder(folder);
      }
      return blob;
    } finally {
      if (!placed) {
        Disk.delete(growing);
      }
    }
  }

  private static Blob write(InputStream in, Path growing) throws IOException {
    Sha256 sha = new Sha256();
    long size = 0;
    try (FileChannel channel = Disk.create(growing)) {
      byte[] buffer = new byte[BUFFER];
      for (int n = in.readNBytes(buffer, 0, BUFFER); n > 0; n = in.readNBytes(buffer, 0, BUFFER)) {
        sha.update(MemorySegment.ofArray(buffer).asSlice(0, n));
        Disk.write(channel, ByteBuffer.wrap(buffer, 0, n), size, growing);
        size += n;
      }
      Disk.force(channel, growing);
    }
    if (Files.getFileAttributeView(growing, PosixFileAttributeView.class) != null) {
      growing.toFile().setReadOnly(); // its hard links may be opened for writing
    }
    return new Blob(Sha256.PREFIX + sha.hex(), size);
  }

  /// Reads a small blob and verifies its digest.
  ///
  /// @throws InputException if it is missing or damaged
  public byte[] read(String digest) {
    byte[] bytes;
    try {
      bytes = Files.readAllBytes(path(digest));
    } catch (IOException e) {
      throw new InputException(
          "%s cannot be read: %s".formatted(path(digest), OutFolder.reason(e)), e);
    }
    if (!Sha256.of(bytes).equals(digest)) {
      throw damaged(digest);
    }
    return bytes;
  }

  /// Makes a folder of blobs under readable names, as hard links if the system can. The folder
  /// appears complete or not at all, and every file's digest is verified.
  ///
  /// @param names file name, without folders → digest
  /// @throws InputException if a blob is missing or damaged
  /// @throws RunException if the folder cannot be written
  public void unpack(Map<String, String> names, Path target) {
    if (Files.isDirectory(target)) {
      return;
    }
    Path growing = target.resolveSibling("." + UUID.randomUUID() + GROWING);
    try {
      for (String digest : names.values()) {
        if (!has(digest)) {
          throw damaged(digest);
        }
        if (!Sha256.ofFile(path(digest)).equals(digest)) {
          Disk.delete(path(digest)); // it is damaged anyway, and can be stored again
          throw damaged(digest);
        }
      }
      try {
        Disk.makeFolder(growing);
        for (Map.Entry<String, String> file : names.entrySet()) {
          Path to = growing.resolve(file.getKey());
          Disk.makeFolder(to.getParent());
          Disk.link(path(file.getValue()), to);
        }
        Disk.forceFolder(growing);
        if (!Files.isDirectory(target)) { // another process may have made it meanwhile
          Disk.move(growing, target);
          Disk.forceFolder(target.getParent());
        }
      } finally {
        Disk.deleteTree(growing);
      }
    } catch (IOException e) {
      if (!Files.isDirectory(target)) {
        for (String digest : names.values()) {
          if (!has(digest)) { // another process has deleted it meanwhile
            throw damaged(digest);
          }
        }
        throw OutFolder.failure(target, e);
      }
    }
  }

  private InputException damaged(String digest) {
    return new InputException(
        "%s is missing, or its bytes are not those of its name; push or pull that version again"
            .formatted(path(digest)));
  }

  /// Returns the digests of all blobs.
  public List<String> all() {
    List<String> all = new ArrayList<>();
    for (Path file : files()) {
      String name = file.getFileName().toString();
      if (HEX.matcher(name).matches()) {
        all.add(Sha256.PREFIX + name);
      }
    }
    all.sort(null);
    return all;
  }

  /// Deletes a blob.
  ///
  /// @return its size in bytes
  /// @throws RunException if it cannot be deleted
  public long delete(String digest) {
    try {
      long size = Files.size(path(digest));
      Disk.delete(path(digest));
      return size;
    } catch (IOException e) {
      throw OutFolder.failure(folder, e);
    }
  }

  /// Deletes temporary files of killed processes, here and in `unpackedParent`, where folders were
  /// unpacked.
  public void sweep(Path unpackedParent) {
    Instant old = Instant.now().minus(ABANDONED);
    List<Path> left = new ArrayList<>(files());
    left.addAll(in(unpackedParent).files());
    for (Path file : left) {
      String name = file.getFileName().toString();
      try {
        if (name.startsWith(".")
            && name.endsWith(GROWING)
            && Files.getLastModifiedTime(file, LinkOption.NOFOLLOW_LINKS)
                .toInstant()
                .isBefore(old)) {
          Disk.deleteTree(file);
        }
      } catch (IOException e) {
        // retried by the next sweep
      }
    }
  }

  private List<Path> files() {
    List<Path> files = new ArrayList<>();
    if (Files.isDirectory(folder)) {
      try (DirectoryStream<Path> all = Files.newDirectoryStream(folder)) {
        all.forEach(files::add);
      } catch (IOException e) {
        throw OutFolder.failure(folder, e);
      }
    }
    return files;
  }
}
