package dev.nudge.text;

import ai.djl.huggingface.tokenizers.jni.CharSpan;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import dev.nudge.format.OutFolder;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.nio.charset.MalformedInputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/// Encodes and decodes text with the `tokenizer.json` of a model folder.
///
/// It is the file as Hugging Face's `tokenizers` library reads it: strings of special tokens are
/// recognised in a text, a beginning-of-text token is there only if the file's own post-processor
/// adds it, padding and truncation are off, and decoding cleans nothing up. `tokenizer_class` is
/// ignored.
///
/// Threading: any number of threads may use one tokenizer. The native object is freed when the
/// tokenizer is no longer reachable.
public final class Tokenizer {
  private static final Cleaner CLEANER = Cleaner.create();
  private static final String FILE = "tokenizer.json";

  private final TokenizersLibrary library;
  private final long handle;
  private final Path folder;
  private final Vocabulary vocabulary;
  private final @Nullable Integer end;
  private final @Nullable String json; // null: the folder's own

  private Tokenizer(
      TokenizersLibrary library,
      long handle,
      Path folder,
      Vocabulary vocabulary,
      @Nullable String json) {
    this.json = json;
    this.library = library;
    this.handle = handle;
    this.folder = folder;
    this.vocabulary = vocabulary;
    CLEANER.register(this, () -> library.deleteTokenizer(handle));
    this.end = EndTokens.end(folder, vocabulary);
  }

  /// Loads the tokenizer of a model folder; natives are unpacked to `.cache/nudge` of the user.
  public static Tokenizer load(Path modelFolder) {
    return load(modelFolder, Path.of(System.getProperty("user.home"), ".cache", "nudge"));
  }

  /// Loads the tokenizer of a model folder.
  ///
  /// @param cacheFolder where the native library is unpacked to, 16 MB, once; several processes may
  ///     share it. The first load of a process decides
  /// @throws InputException where `tokenizer.json` is missing or broken, or the cache folder cannot
  ///     be written
  public static Tokenizer load(Path modelFolder, Path cacheFolder) {
    Path file = modelFolder.resolve(FILE);
    return load(modelFolder, file, read(modelFolder, file), false, cacheFolder);
  }

  /// Loads the tokenizer of a model folder with the `tokenizer.json` of another place, such as an
  /// adapter's folder.
  public static Tokenizer load(Path modelFolder, Path file, Path cacheFolder) {
    String json = read(file.resolveSibling(""), file);
    return load(modelFolder, file, json, true, cacheFolder);
  }

  /// Loads the tokenizer of a model folder with more tokens than its file has.
  ///
  /// @param tokens get the ids behind the largest
  /// @throws InputException where the tokenizer has one of them already
  public static Tokenizer load(Path modelFolder, List<String> tokens, Path cacheFolder) {
    Path file = modelFolder.resolve(FILE);
    String json = NewTokens.add(read(modelFolder, file), file, tokens);
    return load(modelFolder, file, json, true, cacheFolder);
  }

  private static Tokenizer load(
      Path modelFolder, Path file, String json, boolean other, Path cacheFolder) {
    TokenizersLibrary library = NativeTokenizers.load(cacheFolder);
    Vocabulary vocabulary = Vocabulary.read(json, file);
    long handle;
    try {
      handle = library.createTokenizerFromString(json);
    } catch (RuntimeException e) {
      throw new InputException(
          file + " is not a tokenizer that can be read: " + NativeTokenizers.oneLine(e), e);
    }
    library.disablePadding(handle);
    library.disableTruncation(handle);
    return new Tokenizer(library, handle, modelFolder, vocabulary, other ? json : null);
  }

  /// Whether this is the tokenizer of a file: it was loaded from one with these contents.
  public boolean isOf(Path file) {
    Path own = folder.resolve(FILE);
    return read(file.resolveSibling(""), file).equals(json == null ? read(folder, own) : json);
  }

  /// Writes `tokenizer.json` into a folder where it is not the model folder's own.
  ///
  /// @throws dev.nudge.settings.RunException where the disk refuses
  public void writeOwn(Path target) {
    if (json != null) {
      OutFolder.place(target.resolve(FILE), json);
    }
  }

  private static String read(Path folder, Path file) {
    if (!Files.isDirectory(folder)) {
      throw new InputException(folder + " is not a folder; a model folder holds " + FILE);
    }
    if (!Files.isRegularFile(file)) {
      throw new InputException(
          folder + " has no " + FILE + "; save the tokenizer there with transformers, or copy it");
    }
    try {
      return Files.readString(file);
    } catch (MalformedInputException e) {
      throw new InputException(file + " is not UTF-8", e);
    } catch (IOException e) {
      throw new InputException(file + " cannot be read: " + NativeTokenizers.oneLine(e), e);
    }
  }

  /// Encodes a text, with the span of each token.
  ///
  /// @throws IllegalArgumentException where the text is not Unicode (half of a surrogate pair)
  public Encoded encode(String text) {
    long encoding = open(text);
    try {
      int[] ids = ints(library.getTokenIds(encoding));
      CharSpan[] spans = library.getTokenCharSpans(encoding);
      int[] starts = new int[ids.length];
      int[] ends = new int[ids.length];
      for (int i = 0; i < ids.length; i++) {
        CharSpan span = spans[i]; // null where the post-processor added the token
        starts[i] = span == null ? -1 : span.getStart();
        ends[i] = span == null ? -1 : span.getEnd();
      }
      return new Encoded(ids, starts, ends);
    } finally {
      library.deleteEncoding(encoding);
      Reference.reachabilityFence(this);
    }
  }

  /// Encodes a text without the spans of its tokens.
  public int[] ids(String text) {
    long encoding = open(text);
    try {
      return ints(library.getTokenIds(encoding));
    } finally {
      library.deleteEncoding(encoding);
      Reference.reachabilityFence(this);
    }
  }

  private long open(String text) {
    int half = loneSurrogate(text);
    if (half >= 0) {
      throw new IllegalArgumentException(
          "the text is not Unicode: half of a surrogate pair at character " + half);
    }
    return library.encode(handle, text, true);
  }

  /// Returns the index of the first half of a surrogate pair that stands alone, or -1.
  public static int loneSurrogate(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (Character.isSurrogate(c)) {
        boolean pair = i + 1 < text.length() && Character.isSurrogatePair(c, text.charAt(i + 1));
        if (!pair) {
          return i;
        }
        i++;
      }
    }
    return -1;
  }

  /// Decodes token ids; an id that the tokenizer does not have is left out.
  ///
  /// @param skipSpecial leaves special tokens out
  public String decode(int[] ids, boolean skipSpecial) {
    return decode(ids, 0, ids.length, skipSpecial);
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

  /// Returns the id of the end token that closes a row.
  ///
  /// @throws InputException where the model folder names none
  public int eosId() {
    if (end == null) {
      throw new InputException(
          folder
              + " names no end token; set eos_token in tokenizer_config.json or eos_token_id in"
              + " config.json");
    }
    return end;
  }

  /// Tells whether this is the end token that closes a row.
  public boolean isEnd(int id) {
    return end != null && end == id;
  }

  /// Returns one above the largest token id.
  public int vocabSize() {
    return vocabulary.size();
  }

  /// Returns the id of a token as `tokenizer.json` spells it (`Ġthe`); empty for none.
  public OptionalInt id(String token) {
    Integer id = vocabulary.id(token);
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
  }

  /// Returns the token of an id as `tokenizer.json` spells it, or null.
  public @Nullable String token(int id) {
    return vocabulary.token(id);
  }

  /// Returns the bytes that a token adds to a text (UTF-8, or a part of a character); null for a
  /// special token and for an id that is none.
  ///
  /// @throws InputException where the decoder of `tokenizer.json` is neither byte-level nor one
  ///     that writes `\u2581` for a space
  public byte @Nullable [] bytes(int id) {
    if (!vocabulary.hasBytes()) {
      throw new InputException(
          folder
              + ": the decoder of tokenizer.json is not one whose tokens are known as bytes; those"
              + " are ByteLevel, Metaspace, and Replace of \u2581");
    }
    return vocabulary.bytes(id);
  }

  /// Tells whether the characters at the end of `ids[0 .. count]` may change with what follows: the
  /// last token that gives any is a byte of a run.
  boolean endsOpen(int[] ids, int count) {
    int last = count - 1;
    while (last >= 0 && vocabulary.isSilent(ids[last])) {
      last--;
    }
    return last >= 0 && vocabulary.isByte(ids[last]);
  }

  private static int[] ints(long[] values) {
    int[] result = new int[values.length];
    for (int i = 0; i < values.length; i++) {
      result[i] = (int) values[i];
    }
    return result;
  }
}
