package dev.nudge.tensor.onednn;

import dev.nudge.tensor.NativeFolder;
import java.net.URL;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// oneDNN's native libraries for this platform, unpacked into a [NativeFolder] of the cache and
/// loaded only if their SHA-256 is the one in this class.
///
/// A digest, not a size, identifies a file: a damaged block changes no size, and leads to a crash
/// or to wrong sums.
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
  static Optional<List<Path>> unpack(Path cache) {
    String platform = platform();
    Map<String, URL> sources = new LinkedHashMap<>();
    for (String file : files(platform)) {
      URL source =
          Natives.class.getClassLoader().getResource("org/bytedeco/dnnl/" + platform + "/" + file);
      if (source == null || !DIGESTS.containsKey(platform + "/" + file)) {
        return Optional.empty();
      }
      sources.put(file, source);
    }
    NativeFolder folder = NativeFolder.of(cache, VERSION + "/" + platform, "oneDNN (90 MB)");
    List<Path> unpacked = new ArrayList<>();
    for (Map.Entry<String, URL> source : sources.entrySet()) {
      String digest = DIGESTS.get(platform + "/" + source.getKey());
      unpacked.add(folder.file(source.getKey(), source.getValue(), digest));
    }
    return Optional.of(unpacked);
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
}
