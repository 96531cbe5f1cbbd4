package dev.nudge.tensor;

import dev.nudge.settings.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URL;
import java.net.URLConnection;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// A folder of the cache into which native libraries are unpacked from the class path, and from
/// which they are loaded.
///
/// A library that another user could write would run as this user. So the folder and each folder
/// above it must belong to this user or to root, and nobody else may write them; a parent with the
/// sticky bit, such as `/tmp`, may be writable by all, as nobody can replace another user's files
/// in it. In this user's folders of the cache, the group loses its write permission. A file with
/// another owner or mode is unpacked again. Without owners in the file system (Windows), the
/// SHA-256 of each file is computed before each load.
///
/// With owners, a file can still be damaged. Reading 90 MB takes a quarter of a second in a young
/// JVM, so a note beside the file, with the same owner and mode, stores the size and modification
/// time for which the SHA-256 was right. If they differ, or without a note, it is computed again.
///
/// Each file is written under a temporary name, forced to disk and renamed, so two processes at
/// once each see a complete file, and a full disk leaves no partial file.
public final class NativeFolder {
  private static final int OTHERS = 022; // mode: group and others may write
  private static final int GROUP = 020;
  private static final int STICKY = 01000;
  private static final String NOTE = ".checked";

  private final Path folder;
  private final boolean owners; // whether the file system has owners and modes
  private final String what;

  private NativeFolder(Path folder, boolean owners, String what) {
    this.folder = folder;
    this.owners = owners;
    this.what = what;
  }

  /// Thrown for a library on the class path whose SHA-256 is not the expected one.
  public static final class StrangeLibrary extends InputException {
    private static final long serialVersionUID = 1;

    StrangeLibrary(String message) {
      super(message);
    }
  }

  /// Makes the folder, or checks who may write the existing one.
  ///
  /// @param cache cache folder of this user, or one that root filled
  /// @param name name of the folder in it
  /// @param what the libraries and their size, for messages: `oneDNN (90 MB)`
  /// @throws InputException if the folder cannot be made or another user may write it
  public static NativeFolder of(Path cache, String name, String what) {
    Path folder = cache.toAbsolutePath().resolve(name);
    boolean owners = folder.getFileSystem().supportedFileAttributeViews().contains("unix");
    try {
      Files.createDirectories(folder, mode(owners, "rwxr-xr-x"));
      Path real = folder.toRealPath();
      if (owners) {
        demandOwn(real, cache.toRealPath(), what);
      }
      return new NativeFolder(real, owners, what);
    } catch (IOException e) {
      throw unwritable(what, folder, e);
    }
  }

  /// Refuses a folder if another user may write it or replace one of the folders above it.
  private static void demandOwn(Path folder, Path cache, String what) throws IOException {
    for (Path at = folder; at != null; at = at.getParent()) {
      Unix unix = Unix.of(at);
      int mode = unix.mode;
      boolean own = unix.isOwn();
      if (unix.uid == NativeAccess.user() && (mode & OTHERS) == GROUP && at.startsWith(cache)) {
        close(at);
        continue;
      }
      if (own && ((mode & OTHERS) == 0 || (mode & STICKY) != 0 && !at.equals(folder))) {
        continue;
      }
      throw new InputException(
          "%s is not loaded from %s: %s; %sset NUDGE_CACHE to a folder that only you may write"
              .formatted(
                  what,
                  folder,
                  own
                      ? "other users may write %s (mode %o)".formatted(at, mode & 07777)
                      : "%s belongs to another user (%s)".formatted(at, Files.getOwner(at)),
                  own
                      ? "run chmod %sgo-w %s, or ".formatted(at.startsWith(cache) ? "-R " : "", at)
                      : ""));
    }
  }

  /// Removes the group's write permission, which a umask of 002 gives. A file that the group wrote
  /// has another owner; the notes of this user's files are deleted, so each file is verified again.
  private static void close(Path folder) throws IOException {
    Set<PosixFilePermission> mode = Files.getPosixFilePermissions(folder);
    mode.remove(PosixFilePermission.GROUP_WRITE);
    Files.setPosixFilePermissions(folder, mode);
    try (DirectoryStream<Path> notes = Files.newDirectoryStream(folder, "*" + NOTE)) {
      for (Path note : notes) {
        Files.delete(note);
      }
    }
  }

  private record Unix(int uid, int mode) {
    static Unix of(Path file) throws IOException {
      Map<String, Object> read =
          Files.readAttributes(file, "unix:uid,mode", LinkOption.NOFOLLOW_LINKS);
      return new Unix(
          (int) Objects.requireNonNull(read.get("uid")),
          (int) Objects.requireNonNull(read.get("mode")));
    }

    boolean isOwn() {
      return uid == 0 || uid == NativeAccess.user();
    }
  }

  /// Returns a library of the folder, unpacked if it is missing, damaged or open to others.
  ///
  /// @param sha256 expected digest of the library; null: that of the class path's library
  /// @throws StrangeLibrary if the class path has another library
  /// @throws InputException if it cannot be unpacked
  public Path file(String name, URL source, @Nullable String sha256) {
    Path file = folder.resolve(name);
    try {
      if (!right(file, source, sha256)) {
        write(source, file, sha256);
        right(file, source, sha256); // writes the note, if this user may
      }
      return file;
    } catch (IOException e) {
      throw unwritable(what, folder, e);
    }
  }

  /// Whether a file has the library's digest, now or when its note was written.
  private boolean right(Path file, URL source, @Nullable String sha256) throws IOException {
    if (!isClosed(file)) {
      return false;
    }
    Path note = folder.resolve(file.getFileName() + NOTE);
    String known = sha256 == null ? "of " + source.openConnection().getContentLengthLong() : sha256;
    String now = "%s %d %s\n".formatted(known, Files.size(file), Files.getLastModifiedTime(file));
    if (owners && isClosed(note) && Files.readString(note).equals(now)) {
      return true;
    }
    String expected = sha256 == null ? digest(open(source)) : sha256;
    boolean right = expected.equals(digest(file));
    if (right && owners) {
      try {
        Files.deleteIfExists(note);
        Files.createFile(note, mode(true, "rw-r--r--"));
        Files.writeString(note, now); // a partial note does not match
      } catch (IOException e) {
        // root's folder, or another process wrote it: verified each time
      }
    }
    return right;
  }

  /// Whether the file exists and no other user may write it.
  private boolean isClosed(Path file) throws IOException {
    if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
      return false;
    }
    if (!owners) {
      return true;
    }
    Unix unix = Unix.of(file);
    return unix.isOwn() && (unix.mode & OTHERS) == 0;
  }

  private void write(URL source, Path file, @Nullable String sha256) throws IOException {
    Path temp =
        Files.createTempFile(
            folder, file.getFileName().toString(), ".part", mode(owners, "rw-r--r--"));
    try {
      try (InputStream in = open(source);
          FileChannel channel = FileChannel.open(temp, StandardOpenOption.WRITE);
          OutputStream out = Channels.newOutputStream(channel)) {
        in.transferTo(out);
        channel.force(true);
      }
      if (sha256 != null && !sha256.equals(digest(temp))) {
        throw new StrangeLibrary(
            "%s on the class path is not the one of this version".formatted(file.getFileName()));
      }
      Files.move(temp, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(temp);
    }
  }

  private static InputStream open(URL source) throws IOException {
    URLConnection connection = source.openConnection();
    connection.setUseCaches(false); // a jar that a cache holds open cannot be replaced
    return connection.getInputStream();
  }

  private static FileAttribute<?>[] mode(boolean owners, String mode) {
    return owners
        ? new FileAttribute<?>[] {
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(mode))
        }
        : new FileAttribute<?>[0];
  }

  private static String digest(Path file) throws IOException {
    return digest(Files.newInputStream(file));
  }

  private static String digest(InputStream from) throws IOException {
    MessageDigest digest;
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) { // every JDK has SHA-256
      throw new IllegalStateException(e);
    }
    byte[] block = new byte[1 << 20];
    try (InputStream in = from) {
      for (int n = in.read(block); n >= 0; n = in.read(block)) {
        digest.update(block, 0, n);
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static InputException unwritable(String what, Path folder, IOException e) {
    String reason =
        e instanceof AccessDeniedException
            ? "access denied"
            : e instanceof FileSystemException f && f.getReason() != null
                ? f.getReason()
                : e.getMessage();
    return new InputException(
        "%s cannot be unpacked to %s: %s; set NUDGE_CACHE to a writable folder"
            .formatted(what, folder, reason == null ? "the disk refuses" : reason),
        e);
  }
}
