package dev.nudge.text;

import dev.nudge.format.OutFolder;
import dev.nudge.format.Sha256;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
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
/// What users wrote may be set apart ([#encode(String, List)]): special tokens are then recognised
/// in the rest only.
///
/// Threading: any number of threads may use one tokenizer. What is native is freed when the
/// tokenizer is no longer reachable.
public final class Tokenizer {
  private static final String FILE = "tokenizer.json";

  private final NativeTokenizer tokenizer;
  private final Path folder;
  private final Path cache;
  private final Vocabulary vocabulary;
  private final @Nullable Integer end;
  private final @Nullable String json; // null: the folder's own
  private volatile @Nullable Spelled spelled; // made when a text first needs it

  private Tokenizer(
      NativeTokenizer tokenizer,
      Path folder,
      Path cache,
      Vocabulary vocabulary,
      @Nullable String json) {
    this.tokenizer = tokenizer;
    this.folder = folder;
    this.cache = cache;
    this.vocabulary = vocabulary;
    this.json = json;
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
    Vocabulary vocabulary = Vocabulary.read(json, file);
    NativeTokenizer tokenizer = NativeTokenizer.of(json, file, cacheFolder);
    return new Tokenizer(tokenizer, modelFolder, cacheFolder, vocabulary, other ? json : null);
  }

  /// Whether this is the tokenizer of a file: it was loaded from one with these contents.
  public boolean isOf(Path file) {
    return read(file.resolveSibling(""), file).equals(json());
  }

  private String json() {
    return json == null ? read(folder, folder.resolve(FILE)) : json;
  }

  /// A digest of the tokenizer and of the library that reads it: where it is the same, so are the
  /// tokens of every text.
  public String digest() {
    String text = NativeTokenizers.version() + "\n" + json();
    return Sha256.of(text.getBytes(StandardCharsets.UTF_8));
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
    return tokenizer.encode(text, true);
  }

  /// Encodes a text that a template made of what users wrote: the post-processor adds nothing, and
  /// no token of a user's is special, whatever it looks like.
  ///
  /// The template's own special tokens are recognised. What users wrote has the tokens that
  /// `split_special_tokens=True` of transformers gives it, but for a model whose own vocabulary has
  /// a special token as a piece (Unigram's `<s>`): here it stays text there too. Added tokens that
  /// are not special are recognised everywhere.
  ///
  /// @param users characters that users wrote; two that follow each other are one text
  /// @throws IllegalArgumentException where the text is not Unicode (half of a surrogate pair)
  public Encoded encode(String text, List<TextRange> users) {
    Encoded encoded = tokenizer.encode(text, false);
    if (!speaks(text, encoded, users)) {
      return encoded;
    }
    List<TextRange> ordered =
        users.stream().sorted(Comparator.comparingInt(TextRange::start)).toList();
    return spelled().encode(text, ordered);
  }

  /// Tells whether a special token has characters that a user wrote.
  private boolean speaks(String text, Encoded encoded, List<TextRange> users) {
    @Nullable CodePoints points = null;
    for (int i = 0; i < encoded.length(); i++) {
      int id = encoded.ids()[i];
      if (!vocabulary.isSpecial(id)) {
        continue;
      }
      points = points == null ? CodePoints.of(text) : points;
      int from = points.index(encoded.starts()[i]);
      int to = points.index(encoded.ends()[i]);
      boolean unknown =
          id == vocabulary.unknown()
              && !text.substring(from, to).contains(String.valueOf(vocabulary.token(id)));
      if (!unknown && users.stream().anyMatch(user -> user.meets(from, to))) {
        return true;
      }
    }
    return false;
  }

  private Spelled spelled() {
    Spelled made = spelled;
    if (made == null) {
      synchronized (tokenizer) {
        made = spelled;
        if (made == null) {
          made = Spelled.of(tokenizer, vocabulary, json(), folder.resolve(FILE), cache);
          spelled = made;
        }
      }
    }
    return made;
  }

  /// Encodes a text without the spans of its tokens.
  public int[] ids(String text) {
    return tokenizer.ids(text, true);
  }

  /// Encodes a text without the spans of its tokens.
  ///
  /// @param adds whether the file's post-processor adds its tokens
  public int[] ids(String text, boolean adds) {
    return tokenizer.ids(text, adds);
  }

  /// Returns the id of the token that begins a text, as the model folder's tokenizer names it;
  /// empty where it names none.
  public OptionalInt bosId() {
    Integer id = EndTokens.named(folder, vocabulary, "bos_token");
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
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
    return tokenizer.decode(ids, from, to, skipSpecial);
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

  /// Tells whether this is a special token.
  public boolean isSpecial(int id) {
    return vocabulary.isSpecial(id);
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
}
