package dev.nudge.text;

import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.JarURLConnection;
import java.net.URL;
import java.net.URLConnection;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Locale;
import java.util.Properties;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;

/// Loads the native `tokenizers` library, unpacked from DJL's jar into a cache folder.
///
/// DJL's own loader is not used: it probes for CUDA, may download, and is not safe for two
/// processes at once. Only its class of native methods is, so nothing of DJL can log, call home or
/// look at the network.
///
/// A file is unpacked beside its place, forced to disk and renamed into it, so that another process
/// sees all of it or nothing. A file that is there is taken when its size and CRC-32 are those that
/// the jar states.
///
/// Threading: the first load of a process does the work under a lock; the folder of a later one is
/// ignored.
final class NativeTokenizers {
  private static final String FOLDER = "native/lib/";
  private static boolean loaded;

  private NativeTokenizers() {}

  /// Returns the library, loaded once a process.
  static synchronized TokenizersLibrary load(Path cache) {
    if (!loaded) {
      String platform = platform();
      Path folder = cache.resolve("tokenizers-" + version()).resolve(platform);
      for (String file : files(platform)) {
        Path path = unpacked(FOLDER + platform + "/cpu/" + file, folder.resolve(file));
        try {
          System.load(path.toAbsolutePath().toString());
        } catch (UnsatisfiedLinkError e) {
          throw new InputException(
              "the tokenizer library " + path + " cannot be loaded: " + oneLine(e), e);
        }
      }
      loaded = true;
    }
    return TokenizersLibrary.LIB;
  }

  /// Names this machine as the jar does, such as `linux-x86_64`.
  private static String platform() {
    String os = System.getProperty("os.name").toLowerCase(Locale.ROOT);
    String arch = System.getProperty("os.arch").toLowerCase(Locale.ROOT);
    String system = os.startsWith("windows") ? "win" : os.startsWith("mac") ? "osx" : "linux";
    String machine = arch.equals("amd64") || arch.equals("x86_64") ? "x86_64" : "aarch64";
    return system + "-" + machine;
  }

  /// Lists the files of a platform in the order in which they must be loaded.
  private static List<String> files(String platform) {
    if (platform.startsWith("win-")) {
      return List.of(
          "libwinpthread-1.dll", "libgcc_s_seh-1.dll", "libstdc++-6.dll", "tokenizers.dll");
    }
    return List.of(System.mapLibraryName("tokenizers"));
  }

  /// The version of the library.
  static String version() {
    try (InputStream in = resource(FOLDER + "tokenizers.properties").openStream()) {
      Properties properties = new Properties();
      properties.load(in);
      return properties.getProperty("version", "unknown");
    } catch (IOException e) {
      throw new RunException("the tokenizer library's jar cannot be read: " + oneLine(e), e);
    }
  }

  private static URL resource(String name) {
    ClassLoader loader = TokenizersLibrary.class.getClassLoader();
    URL url = loader == null ? null : loader.getResource(name);
    if (url == null) {
      throw new InputException(
          "there is no tokenizer library for this machine ("
              + name
              + " is not in the jar); there is one for Linux x86-64 and aarch64, macOS arm64 and"
              + " Windows x86-64");
    }
    return url;
  }

  static Path unpacked(String name, Path target) {
    URL url = resource(name);
    try {
      if (!whole(url, target)) {
        Files.createDirectories(target.getParent());
        Path beside = Files.createTempFile(target.getParent(), target.getFileName() + ".", ".part");
        try {
          copy(url, beside);
          Files.move(beside, target, StandardCopyOption.ATOMIC_MOVE);
        } finally {
          Files.deleteIfExists(beside);
        }
      }
      return target;
    } catch (AccessDeniedException e) {
      throw unwritable(target, "the folder cannot be written", e);
    } catch (FileSystemException e) {
      throw unwritable(target, e.getReason() == null ? oneLine(e) : e.getReason(), e);
    } catch (IOException e) {
      throw unwritable(target, oneLine(e), e);
    }
  }

  private static InputException unwritable(Path target, String reason, IOException cause) {
    return new InputException(
        "the tokenizer library cannot be unpacked to "
            + target.getParent()
            + ": "
            + reason
            + "; it needs 16 MB in a writable folder, set NUDGE_CACHE to one",
        cause);
  }

  private static void copy(URL url, Path file) throws IOException {
    try (InputStream in = url.openStream();
        OutputStream out = Files.newOutputStream(file)) {
      in.transferTo(out);
    }
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.force(true);
    }
  }

  /// Tells whether the unpacked file is there with the size and CRC-32 that the jar states; where
  /// there is no jar, with the bytes.
  private static boolean whole(URL url, Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      return false;
    }
    URLConnection connection = url.openConnection();
    if (Files.size(file) != connection.getContentLengthLong()) {
      return false;
    }
    if (!(connection instanceof JarURLConnection jar)) {
      try (InputStream of = new BufferedInputStream(connection.getInputStream());
          InputStream in = new BufferedInputStream(Files.newInputStream(file))) {
        int next = of.read();
        while (next >= 0 && next == in.read()) {
          next = of.read();
        }
        return next < 0;
      }
    }
    try (CheckedInputStream in = new CheckedInputStream(Files.newInputStream(file), new CRC32())) {
      in.transferTo(OutputStream.nullOutputStream());
      return in.getChecksum().getValue() == jar.getJarEntry().getCrc();
    }
  }

  static String oneLine(Throwable e) {
    String message = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    return message.strip().replaceAll("\\s*\\R\\s*", " ");
  }
}
