package dev.nudge.hub;

import dev.nudge.settings.InputException;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// A file in the hub's listing of a repository. Names and digests are untrusted, so they are
/// checked here before they become paths. A name that leads out of its folder makes the listing
/// invalid; a name that some file systems cannot hold is refused only if the file is needed.
///
/// @param path within the repository, with `/`
/// @param size bytes
/// @param oid git's SHA-1 of the file, or of its LFS pointer
/// @param sha256 SHA-256 of a large file; null: the file is in git itself
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

  /// Returns its path in a folder.
  ///
  /// @throws InputException if its name has a character that some file systems reserve
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

  /// Returns the digest of its bytes, which names its blob.
  String digest() {
    return sha256 == null ? oid : sha256;
  }

  /// Whether it is in the repository's top folder.
  boolean isTop() {
    return path.indexOf('/') < 0;
  }

  private static String quoted(String path) {
    String shown = path.replaceAll("\\p{Cntrl}", "?");
    return "'" + (shown.length() > 80 ? shown.substring(0, 80) + "…" : shown) + "'";
  }
}
