package dev.nudge.text;

import dev.nudge.format.FolderText;
import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.format.Sha256;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.MissingNode;

/// Encodes and decodes text with the `tokenizer.json` of a model folder.
///
/// It reads the file as Hugging Face's `tokenizers` library does: special tokens in a text are
/// recognised, only the file's own post-processor adds a beginning-of-text token, padding and
/// truncation are off, and decoding cleans nothing up. `tokenizer_class` is ignored.
///
/// User text can be marked ([#encode(String, List)]) so that no special token is recognised in it.
///
/// Threading: any number of threads may share a tokenizer. Native memory is freed with the garbage
/// collection of the tokenizer.
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
    this.end = end(folder, vocabulary);
  }

  /// Loads a model folder's tokenizer; the native library is unpacked to the user's `.cache/nudge`.
  public static Tokenizer load(Path modelFolder) {
    return load(modelFolder, Path.of(System.getProperty("user.home"), ".cache", "nudge"));
  }

  /// Loads the tokenizer of a model folder.
  ///
  /// @param cacheFolder where the native library (16 MB) is unpacked, once; several processes may
  ///     share it. Only the first load of a process uses it
  /// @throws InputException if `tokenizer.json` is missing or broken, or `cacheFolder` not writable
  public static Tokenizer load(Path modelFolder, Path cacheFolder) {
    Path file = modelFolder.resolve(FILE);
    return load(modelFolder, file, read(modelFolder, file), false, cacheFolder);
  }

  /// Loads a model folder's tokenizer with the `tokenizer.json` of another folder, such as an
  /// adapter's.
  public static Tokenizer load(Path modelFolder, Path file, Path cacheFolder) {
    String json = read(file.resolveSibling(""), file);
    return load(modelFolder, file, json, true, cacheFolder);
  }

  /// Loads the tokenizer of a model folder and adds tokens to it.
  ///
  /// @param tokens new tokens, whose ids follow the largest id
  /// @throws InputException if the tokenizer has one of them already
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

  /// Whether this tokenizer was loaded from a file with the same contents.
  public boolean isOf(Path file) {
    return read(file.resolveSibling(""), file).equals(json());
  }

  private String json() {
    return json == null ? read(folder, folder.resolve(FILE)) : json;
  }

  /// Returns a digest of tokenizer and library; equal digests mean equal tokens for every text.
  public String digest() {
    String text = NativeTokenizer.version() + "\n" + json();
    return Sha256.of(text.getBytes(StandardCharsets.UTF_8));
  }

  /// Writes `tokenizer.json` into a folder, unless it is the model folder's own.
  ///
  /// @throws dev.nudge.settings.RunException if writing fails
  public void writeOwn(Path target) {
    if (json != null) {
      OutFolder.place(target.resolve(FILE), json);
    }
  }

  private static String read(Path folder, Path file) {
    if (!FolderText.isFolder(folder)) {
      throw new InputException(folder + " is not a folder; a model folder holds " + FILE);
    }
    if (!FolderText.exists(file)) {
      throw new InputException(
          folder + " has no " + FILE + "; save the tokenizer there with transformers, or copy it");
    }
    try {
      return FolderText.read(file);
    } catch (MalformedInputException e) {
      throw new InputException(file + " is not UTF-8", e);
    } catch (IOException e) {
      throw new InputException(file + " cannot be read: " + NativeTokenizer.oneLine(e), e);
    }
  }

  /// Encodes a text, with the offsets of each token.
  ///
  /// @throws IllegalArgumentException if the text has half of a surrogate pair
  public Encoded encode(String text) {
    return tokenizer.encode(text, true);
  }

  /// Encodes a text that a template rendered from user text: the post-processor adds nothing, and
  /// no token within user text is special, whatever it looks like.
  ///
  /// The template's own special tokens are recognised. User text gets the tokens that transformers'
  /// `split_special_tokens=True` gives, except if the model's own vocabulary has a special token as
  /// a piece (Unigram's `<s>`): here that is text too. Added tokens that are not special are
  /// recognised everywhere.
  ///
  /// @param users ranges of user text; adjacent ranges count as one
  /// @throws IllegalArgumentException if the text has half of a surrogate pair
  public Encoded encode(String text, List<TextRange> users) {
    Encoded encoded = tokenizer.encode(text, false);
    if (!speaks(text, encoded, users)) {
      return encoded;
    }
    List<TextRange> ordered =
        users.stream().sorted(Comparator.comparingInt(TextRange::start)).toList();
    return spelled().encode(text, ordered);
  }

  /// Whether a special token contains characters that a user wrote.
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

  /// Encodes a text to token ids, without offsets.
  public int[] ids(String text) {
    return tokenizer.ids(text, true);
  }

  /// Encodes a text to token ids, without offsets.
  ///
  /// @param adds whether the post-processor adds its tokens
  public int[] ids(String text, boolean adds) {
    return tokenizer.ids(text, adds);
  }

  /// Returns the id of the beginning-of-text token that the model folder names; empty: none.
  public OptionalInt bosId() {
    Integer id = named(folder, vocabulary, "bos_token");
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
  }

  /// Returns the index of the first unpaired surrogate, or -1.
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

  /// Decodes token ids; unknown ids are skipped.
  ///
  /// @param skipSpecial whether special tokens are skipped
  public String decode(int[] ids, boolean skipSpecial) {
    return decode(ids, 0, ids.length, skipSpecial);
  }

  String decode(int[] ids, int from, int to, boolean skipSpecial) {
    return tokenizer.decode(ids, from, to, skipSpecial);
  }

  /// Returns the id of the end-of-sequence token that closes a training row.
  ///
  /// @throws InputException if the model folder names none
  public int eosId() {
    if (end == null) {
      throw new InputException(
          folder
              + " names no end token; set eos_token in tokenizer_config.json or eos_token_id in"
              + " config.json");
    }
    return end;
  }

  /// Whether a token is the end-of-sequence token that closes a training row.
  public boolean isEnd(int id) {
    return end != null && end == id;
  }

  /// Whether a prompt asks for an answer in channels (OpenAI's harmony format): its last special
  /// token is `<|start|>`, and `<|channel|>` is special too.
  public boolean asksForChannels(int[] prompt) {
    Integer channel = vocabulary.id("<|channel|>");
    if (channel == null || !vocabulary.isSpecial(channel)) {
      return false;
    }
    int last = prompt.length - 1;
    while (last >= 0 && !vocabulary.isSpecial(prompt[last])) {
      last--;
    }
    return last >= 0 && "<|start|>".equals(vocabulary.token(prompt[last]));
  }

  /// Whether a token is special.
  public boolean isSpecial(int id) {
    return vocabulary.isSpecial(id);
  }

  /// Returns one more than the largest token id.
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
  /// special token and for an unknown id.
  ///
  /// @throws InputException if the decoder of `tokenizer.json` is neither byte-level nor one that
  ///     writes `\u2581` for a space
  public byte @Nullable [] bytes(int id) {
    if (!vocabulary.hasBytes()) {
      throw new InputException(
          folder
              + ": the decoder of tokenizer.json is not one whose tokens are known as bytes; those"
              + " are ByteLevel, Metaspace, and Replace of \u2581");
    }
    return vocabulary.bytes(id);
  }

  /// Whether later tokens may change the last characters of `ids[0 .. count]`: the last token with
  /// text is a single byte.
  boolean endsOpen(int[] ids, int count) {
    int last = count - 1;
    while (last >= 0 && vocabulary.isSilent(ids[last])) {
      last--;
    }
    return last >= 0 && vocabulary.isByte(ids[last]);
  }

  /// Returns the id that ends a row: the tokenizer's `eos_token` in `tokenizer_config.json`, else
  /// in `special_tokens_map.json` (a string, or an object with `content`), else the first
  /// `eos_token_id` of `config.json`; null: no file names one.
  private static @Nullable Integer end(Path folder, Vocabulary vocabulary) {
    Integer named = named(folder, vocabulary, "eos_token");
    if (named != null) {
      return named;
    }
    JsonNode eos = read(folder.resolve("config.json")).path("eos_token_id");
    JsonNode first = eos.isArray() ? eos.path(0) : eos;
    if (!first.isIntegralNumber()) {
      return null;
    }
    if (vocabulary.token(first.intValue()) == null) {
      throw new InputException(
          "%s names the end token %s, which tokenizer.json does not have"
              .formatted(folder.resolve("config.json"), first.intValue()));
    }
    return first.intValue();
  }

  /// Returns the id of a token that the tokenizer names, or null.
  ///
  /// @param key such as `bos_token`
  private static @Nullable Integer named(Path folder, Vocabulary vocabulary, String key) {
    for (String name : List.of("tokenizer_config.json", "special_tokens_map.json")) {
      JsonNode token = read(folder.resolve(name)).path(key);
      JsonNode content = token.isObject() ? token.path("content") : token;
      if (content.isString()) {
        Integer id = vocabulary.id(content.stringValue());
        if (id == null) {
          throw new InputException(
              "%s names the %s '%s', which tokenizer.json does not have"
                  .formatted(
                      folder.resolve(name),
                      key.equals("eos_token") ? "end token" : key,
                      content.stringValue()));
        }
        return id;
      }
    }
    return null;
  }

  private static JsonNode read(Path file) {
    return FolderText.exists(file) ? Json.read(file) : MissingNode.getInstance();
  }
}
