package dev.nudge.tensor.onednn;

import dev.nudge.settings.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// Unpacks the native libraries of this platform from the class path into a cache folder.
///
/// A file is written beside under a name of its own, forced to disk and renamed into place, so two
/// processes at once each see a whole file, and a full disk leaves none. A file that is there with
/// the right size is taken as it is.
final class Natives {
  /// Names the folder in the cache; changes with the library's version.
  private static final String VERSION = "onednn-3.11-1.5.13";

  private Natives() {}

  /// The platform's name in the library's jars, for example `linux-x86_64`.
  static String platform() {
    String os = System.getProperty("os.name", "").toLowerCase(Locale.ROOT);
    String arch = System.getProperty("os.arch", "").toLowerCase(Locale.ROOT);
    boolean arm = arch.equals("aarch64") || arch.equals("arm64");
    String name = os.contains("mac") ? "macosx" : os.contains("win") ? "windows" : "linux";
    return name + (arm ? "-arm64" : "-x86_64");
  }

  /// The files to load, in order: what oneDNN needs first, oneDNN last.
  private static List<String> files(String platform) {
    if (platform.startsWith("linux")) {
      return List.of("libgomp.so.1", "libdnnl.so.3");
    }
    return platform.startsWith("macosx")
        ? List.of("libomp.dylib", "libdnnl.3.dylib")
        : List.of("dnnl.dll");
  }

  /// Unpacks what is not there yet.
  ///
  /// @return the paths to load in order; empty where the class path has none for this platform
  static Optional<List<Path>> unpack(Path cache) {
    String platform = platform();
    Path folder = cache.resolve(VERSION).resolve(platform);
    List<String> files = files(platform);
    for (String file : files) {
      String resource = "org/bytedeco/dnnl/" + platform + "/" + file;
      var url = Natives.class.getClassLoader().getResource(resource);
      if (url == null) {
        return Optional.empty();
      }
      try {
        var connection = url.openConnection();
        connection.setUseCaches(false);
        long size = connection.getContentLengthLong();
        Path target = folder.resolve(file);
        if (!Files.isRegularFile(target) || Files.size(target) != size) {
          write(connection.getInputStream(), folder, target, size);
        }
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

  /// What the system says of the first file that it does not load, such as a library that is
  /// missing on this machine; the FFM API keeps that to itself.
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

  private static void write(InputStream from, Path folder, Path target, long size)
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
      if (Files.size(beside) != size) {
        throw new IOException("wrote " + Files.size(beside) + " of " + size + " bytes");
      }
      Files.move(
          beside, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(beside);
    }
  }

  private static String reason(IOException e) {
    if (e instanceof java.nio.file.AccessDeniedException) {
      return "access denied";
    }
    String message = e.getMessage();
    if (e instanceof java.nio.file.FileSystemException f && f.getReason() != null) {
      return f.getReason();
    }
    return message == null ? e.getClass().getSimpleName() : message;
  }
}
