package dev.nudge.text;

import ai.djl.huggingface.tokenizers.jni.CharSpan;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.tensor.NativeFolder;
import java.io.IOException;
import java.io.InputStream;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.net.URL;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Properties;

/// A tokenizer of the native library, made from the text of a `tokenizer.json` with padding and
/// truncation off.
///
/// The library is unpacked from DJL's jar into a [NativeFolder] of the cache. DJL's own loader is
/// not used: it probes for CUDA, may download, and is not safe for two processes at once. Only its
/// class of native methods is used, so DJL cannot log or use the network.
///
/// Threading: any number of threads. The first load of a process unpacks under a lock; later loads
/// ignore their folder. The native object is freed when this one is no longer reachable.
final class NativeTokenizer {
  private static final String FOLDER = "native/lib/";
  private static final Cleaner CLEANER = Cleaner.create();
  private static boolean loaded;

  private final TokenizersLibrary library;
  private final long handle;

  private NativeTokenizer(TokenizersLibrary library, long handle) {
    this.library = library;
    this.handle = handle;
    CLEANER.register(this, () -> library.deleteTokenizer(handle));
  }

  /// @param file the file of the text, for messages
  static NativeTokenizer of(String json, Path file, Path cache) {
    TokenizersLibrary library = load(cache);
    long handle;
    try {
      handle = library.createTokenizerFromString(json);
    } catch (RuntimeException e) {
      throw new InputException(file + " is not a tokenizer that can be read: " + oneLine(e), e);
    }
    library.disablePadding(handle);
    library.disableTruncation(handle);
    return new NativeTokenizer(library, handle);
  }

  /// @param adds whether the post-processor adds its tokens
  Encoded encode(String text, boolean adds) {
    long encoding = open(text, adds);
    try {
      int[] ids = ints(library.getTokenIds(encoding));
      CharSpan[] spans = library.getTokenCharSpans(encoding);
      int[] starts = new int[ids.length];
      int[] ends = new int[ids.length];
      for (int i = 0; i < ids.length; i++) {
        CharSpan span = spans[i]; // null if the post-processor added it
        starts[i] = span == null ? -1 : span.getStart();
        ends[i] = span == null ? -1 : span.getEnd();
      }
      return new Encoded(ids, starts, ends);
    } finally {
      library.deleteEncoding(encoding);
      Reference.reachabilityFence(this);
    }
  }

  int[] ids(String text, boolean adds) {
    long encoding = open(text, adds);
    try {
      return ints(library.getTokenIds(encoding));
    } finally {
      library.deleteEncoding(encoding);
      Reference.reachabilityFence(this);
    }
  }

  private long open(String text, boolean adds) {
    int half = Tokenizer.loneSurrogate(text);
    if (half >= 0) {
      throw new IllegalArgumentException(
          "the text is not Unicode: half of a surrogate pair at character " + half);
    }
    return library.encode(handle, text, adds);
  }

  String decode(int[] ids, int from, int to, boolean skipSpecial) {
    long[] wide = new long[to - from];
    for (int i = from; i < to; i++) {
      wide[i - from] = ids[i];
    }
    try {
      return library.decode(handle, wide, skipSpecial);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  private static int[] ints(long[] values) {
    int[] result = new int[values.length];
    for (int i = 0; i < values.length; i++) {
      result[i] = (int) values[i];
    }
    return result;
  }

  /// Returns the library, loaded once a process.
  private static synchronized TokenizersLibrary load(Path cache) {
    if (!loaded) {
      String platform = platform();
      NativeFolder folder =
          NativeFolder.of(
              cache, "tokenizers-" + version() + "/" + platform, "the tokenizer library (16 MB)");
      for (String file : files(platform)) {
        Path path = folder.file(file, resource(FOLDER + platform + "/cpu/" + file), null);
        try {
          System.load(path.toString());
        } catch (UnsatisfiedLinkError e) {
          throw new InputException(
              "the tokenizer library " + path + " cannot be loaded: " + oneLine(e), e);
        }
      }
      loaded = true;
    }
    return TokenizersLibrary.LIB;
  }

  /// Returns this machine's platform as the jar names it, such as `linux-x86_64`.
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

  /// Returns the version of the library.
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

  static String oneLine(Throwable e) {
    String message = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    return message.strip().replaceAll("\\s*\\R\\s*", " ");
  }
}
