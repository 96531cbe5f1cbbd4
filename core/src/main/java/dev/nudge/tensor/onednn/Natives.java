package dev.nudge.tensor.onednn;

import dev.nudge.settings.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// Unpacks the native libraries of this platform from the class path into a cache folder.
///
/// Writes each file under a temporary name, syncs it and renames it, so two processes at once each
/// see a whole file, and a full disk leaves none. Loads a file only if its SHA-256 is the one in
/// this class, so a damaged file is unpacked again. Reading 90 MB for that takes a quarter of a
/// second of a young JVM, so a note beside the file says for which size and time of change it was
/// done; another size or time, or no note, and it is done again.
final class Natives {
  /// Name of the folder in the cache; changes with the library's version.
  private static final String VERSION = "onednn-3.13-1.5.14";

  /// SHA-256 of each library file of that version, by platform and name.
  private static final Map<String, String> DIGESTS =
      Map.of(
          "linux-x86_64/libdnnl.so.3",
          "3610657c35381b06694034b677cf73f28086495aba51ecf0cfb5b6511652a443",
          "linux-x86_64/libgomp.so.1",
          "d46f9225c1883039e8a6853e6d96ca1af11d034ce186a090952e4a7c8a7c2fdc",
          "linux-arm64/libdnnl.so.3",
          "b7d1b3fb1ce5e547c2d4dac7b3a0019976ab65427e880b2d4e666230e6b4d6b2",
          "linux-arm64/libgomp.so.1",
          "3d8a29f52ccdf3ba0ab2428d721963fb9c9259d7682b8e2a2127dd6f119a29b1",
          "macosx-arm64/libdnnl.3.dylib",
          "27443dece16760491ecda511f42de81764d9488a456063c864504ce5c9f3aabf",
          "macosx-arm64/libomp.dylib",
          "bb30f86a18632aa2451192ca16e54cee4864a852872cad5198df8535e00eef14",
          "windows-x86_64/dnnl.dll",
          "16e4301399559512c76627b1a5c3701c61be3f3dc7db039b7612385c2d563248");

  private Natives() {}

  /// Thrown for a library on the class path whose digest is not the one in this class.
  static final class StrangeLibrary extends IOException {
    private static final long serialVersionUID = 1;

    StrangeLibrary(String message) {
      super(message);
    }
  }

  /// The platform's name in the library's jars, for example `linux-x86_64`.
  static String platform() {
    String os = System.getProperty("os.name", "").toLowerCase(Locale.ROOT);
    String arch = System.getProperty("os.arch", "").toLowerCase(Locale.ROOT);
    boolean arm = arch.equals("aarch64") || arch.equals("arm64");
    String name = os.contains("mac") ? "macosx" : os.contains("win") ? "windows" : "linux";
    return name + (arm ? "-arm64" : "-x86_64");
  }

  /// The files to load, in order: oneDNN's dependencies first, oneDNN last.
  private static List<String> files(String platform) {
    if (platform.startsWith("linux")) {
      return List.of("libgomp.so.1", "libdnnl.so.3");
    }
    return platform.startsWith("macosx")
        ? List.of("libomp.dylib", "libdnnl.3.dylib")
        : List.of("dnnl.dll");
  }

  /// Unpacks the files that are missing in the cache.
  ///
  /// @return the paths to load in order; empty if the class path has no library for this platform
  static Optional<List<Path>> unpack(Path cache) throws StrangeLibrary {
    String platform = platform();
    Path folder = cache.resolve(VERSION).resolve(platform);
    List<String> files = files(platform);
    for (String file : files) {
      String resource = "org/bytedeco/dnnl/" + platform + "/" + file;
      var url = Natives.class.getClassLoader().getResource(resource);
      if (url == null) {
        return Optional.empty();
      }
      String digest = DIGESTS.get(platform + "/" + file);
      if (digest == null) {
        return Optional.empty();
      }
      try {
        Path target = folder.resolve(file);
        if (!Files.isRegularFile(target) || !right(target, digest)) {
          var connection = url.openConnection();
          connection.setUseCaches(false);
          write(connection.getInputStream(), folder, target, digest);
        }
      } catch (StrangeLibrary e) {
        throw e;
      } catch (IOException e) {
        throw new InputException(
            "cannot unpack oneDNN into "
                + folder
                + ": "
                + reason(e)
                + "; it wants 90 MB in a writable folder, set NUDGE_CACHE to one",
            e);
      }
    }
    return Optional.of(files.stream().map(folder::resolve).toList());
  }

  /// Whether a file has a digest, now or when its note was written.
  private static boolean right(Path file, String digest) throws IOException {
    Path note = file.resolveSibling(file.getFileName() + ".checked");
    String now = "%s %d %s\n".formatted(digest, Files.size(file), Files.getLastModifiedTime(file));
    try {
      if (Files.readString(note).equals(now)) {
        return true;
      }
    } catch (IOException e) {
      // none, or none that can be read: the file itself is
    }
    boolean right = digest.equals(digest(file));
    if (right) {
      try {
        Files.writeString(note, now); // half of it is none
      } catch (IOException e) {
        // a folder of another user's: the file is read each time
      }
    }
    return right;
  }

  /// The system's message for the first file that it cannot load, for example a missing
  /// dependency; the FFM API hides that message.
  static String refusal(List<Path> files) {
    for (Path file : files) {
      try {
        System.load(file.toAbsolutePath().toString());
      } catch (UnsatisfiedLinkError e) {
        return String.valueOf(e.getMessage()).strip().replaceAll("\\s*\\R\\s*", " ");
      }
    }
    return "the system does not open " + files;
  }

  private static void write(InputStream from, Path folder, Path target, String digest)
      throws IOException {
    Files.createDirectories(folder);
    Path beside = Files.createTempFile(folder, target.getFileName().toString(), ".part");
    try {
      try (from;
          FileChannel out = FileChannel.open(beside, StandardOpenOption.WRITE)) {
        var stream = java.nio.channels.Channels.newOutputStream(out);
        from.transferTo(stream);
        out.force(true);
      }
      if (!digest.equals(digest(beside))) {
        throw new StrangeLibrary(
            target.getFileName() + " on the class path is not the one of " + VERSION);
      }
      Files.move(
          beside, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(beside);
    }
  }

  static String digest(Path file) throws IOException {
    MessageDigest digest;
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) { // every JDK has it
      throw new IllegalStateException(e);
    }
    byte[] block = new byte[1 << 20];
    try (InputStream in = Files.newInputStream(file)) {
      for (int n = in.read(block); n >= 0; n = in.read(block)) {
        digest.update(block, 0, n);
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static String reason(IOException e) {
    if (e instanceof java.nio.file.AccessDeniedException) {
      return "access denied";
    }
    String message = e.getMessage();
    if (e instanceof java.nio.file.FileSystemException f && f.getReason() != null) {
      return f.getReason();
    }
    return message == null ? "the disk refuses" : message;
  }
}
