package dev.nudge.hub;

import dev.nudge.settings.InputException;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// A file of a repository as the hub lists it: names and digests are the server's word, so none
/// becomes a path before it is checked here. A name that leads out of its folder refuses the
/// listing; one that not every file system can hold refuses the file, if it is wanted.
///
/// @param path within the repository, with `/`
/// @param size bytes
/// @param oid git's SHA-1 of the file, or of its LFS pointer
/// @param sha256 SHA-256 of a large file; null: the file lies in git itself
/// @param xet name of a large file in Xet's storage; null: none
record HubFile(String path, long size, String oid, @Nullable String sha256, @Nullable String xet) {
  private static final Pattern SHA1 = Pattern.compile("[0-9a-f]{40}");
  private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");
  private static final Pattern SEGMENT = Pattern.compile("[^/\\\\\\p{Cntrl}]{1,255}");
  private static final Pattern DRIVE = Pattern.compile("[A-Za-z]:");
  private static final Pattern ODD = Pattern.compile("[:*?\"<>|]");
  private static final int DEEPEST = 32; // folders

  HubFile {
    if (size < 0 || !SHA1.matcher(oid).matches() || sha256 != null && !isSha256(sha256)) {
      throw new InputException("its listing has no digest, or no size, of " + quoted(path));
    }
    List<String> parts = List.of(path.split("/", -1));
    boolean stays =
        parts.size() <= DEEPEST
            && !DRIVE.matcher(path).lookingAt()
            && parts.stream().allMatch(p -> SEGMENT.matcher(p).matches())
            && !parts.contains("..")
            && !parts.contains(".");
    if (!stays) {
      throw refused(path);
    }
  }

  private static InputException refused(String path) {
    return new InputException(
        "its listing has the file name %s, which is no plain path; nothing of it is fetched"
            .formatted(quoted(path)));
  }

  /// Its place in a folder.
  ///
  /// @throws InputException if its name has a sign that file systems keep for themselves
  Path in(Path folder) {
    if (!isPlain()) {
      throw refused(path);
    }
    return folder.resolve(path);
  }

  /// Whether every file system can hold its name.
  boolean isPlain() {
    return !ODD.matcher(path).find();
  }

  static boolean isSha1(String text) {
    return SHA1.matcher(text).matches();
  }

  static boolean isSha256(String text) {
    return SHA256.matcher(text).matches();
  }

  /// The digest of its bytes, by which the cache calls it.
  String digest() {
    return sha256 == null ? oid : sha256;
  }

  /// Whether it lies in the repository's first folder.
  boolean isTop() {
    return path.indexOf('/') < 0;
  }

  private static String quoted(String path) {
    String shown = path.replaceAll("\\p{Cntrl}", "?");
    return "'" + (shown.length() > 80 ? shown.substring(0, 80) + "…" : shown) + "'";
  }
}
