package dev.nudge.gguf;

import dev.nudge.python.PythonJson;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.lang.ref.SoftReference;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/// The text files of a model folder (config, tokenizer), derived from a GGUF file's metadata.
///
/// They are derived on first use, and cached as long as memory allows and the file does not change.
///
/// Threading: any thread.
public final class GgufFolder {
  private static final Map<Path, SoftReference<GgufFolder>> MADE = new ConcurrentHashMap<>();
  private static final String CONFIG = "config.json";
  private static final String GENERATION = "generation_config.json";
  private static final String TOKENIZER = "tokenizer.json";
  private static final String TOKENIZER_CONFIG = "tokenizer_config.json";

  /// The names of the files.
  public static final Set<String> NAMES = Set.of(CONFIG, GENERATION, TOKENIZER, TOKENIZER_CONFIG);

  private final Path file;
  private final long size;
  private final FileTime time;
  private final Map<String, String> texts = new ConcurrentHashMap<>();

  private GgufFolder(Path file, long size, FileTime time) {
    this.file = file;
    this.size = size;
    this.time = time;
  }

  /// Returns the folder of a GGUF file; null: not a GGUF file.
  ///
  /// @throws InputException if it cannot be read
  public static @Nullable GgufFolder of(Path file) {
    if (!GgufHeader.is(file)) {
      return null;
    }
    try {
      Path key = file.toAbsolutePath().normalize();
      long size = Files.size(file);
      FileTime time = Files.getLastModifiedTime(file);
      SoftReference<GgufFolder> before = MADE.get(key);
      GgufFolder made = before == null ? null : before.get();
      if (made == null || made.size != size || !made.time.equals(time)) {
        made = new GgufFolder(file, size, time);
        MADE.put(key, new SoftReference<>(made));
      }
      return made;
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read: " + e.getMessage(), e);
    }
  }

  /// Returns the text of a file; null: no such file.
  ///
  /// @throws InputException if the metadata is invalid
  public @Nullable String text(String name) {
    return NAMES.contains(name) ? texts.computeIfAbsent(name, this::made) : null;
  }

  private String made(String name) {
    try (GgufFiles files = GgufFiles.open(file)) {
      GgufMetadata data = files.metadata();
      return switch (name) {
        case CONFIG -> PythonJson.write(GgufConfig.of(files)) + "\n";
        case GENERATION -> GgufTokenizer.generation(data);
        case TOKENIZER -> GgufTokenizer.tokenizer(data);
        default ->
            GgufTokenizer.config(
                data,
                data.whole(
                    files.architecture().key() + ".context_length", null, 1, Integer.MAX_VALUE));
      };
    }
  }
}
