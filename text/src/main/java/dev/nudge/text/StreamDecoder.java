package dev.nudge.text;

import java.util.Arrays;

/// Decodes generated tokens one at a time for streaming, and never emits half a character.
///
/// All pieces together are what decode(prompt + new) adds to decode(prompt), without special
/// tokens. After a prompt that asks for channels, special tokens are their marks and come too, each
/// behind [#MARK], which nothing else holds: a text may spell a mark, and is none.
///
/// Decoding each token alone would differ: a character may be split over several byte-level tokens,
/// and SentencePiece decoders drop the space in front of their first token. So a window of tokens
/// is decoded and compared with the text before:
///
/// ```
///   base = decode(ids[from .. known])        text that is out already
///   full = decode(ids[from .. now])          out now: what full adds to base
/// ```
///
/// A piece is held back while `full` ends with U+FFFD, the sign of an incomplete character, and
/// after a byte token (`<0xE2>`), as a decoder with byte fallback turns a run of bytes with a bad
/// end into U+FFFD. Once it is [#WINDOW] tokens long, the window moves on to the last cut, but only
/// where its text is not empty and ends with a whole character: from there on its beginning cannot
/// change what follows.
///
/// Threading: one generation, one thread.
public final class StreamDecoder {
  /// Stands before a special token, after a prompt that asks for channels; no character of Unicode.
  public static final String MARK = "\uFFFF";

  private static final int WINDOW = 16;
  private static final char INCOMPLETE = '\uFFFD';

  private final Tokenizer tokenizer;
  private final boolean skipSpecial;
  private int[] ids;
  private int count;
  private int from;
  private int cut; // where the last piece ended
  private String base;

  /// Starts decoding after a prompt.
  public StreamDecoder(Tokenizer tokenizer, int[] prompt) {
    this.tokenizer = tokenizer;
    this.skipSpecial = !tokenizer.asksForChannels(prompt);
    this.ids = Arrays.copyOf(prompt, prompt.length + 64);
    this.count = prompt.length;
    this.cut = prompt.length;
    this.base = decode(0);
    if (whole(base)) {
      moveTo(Math.max(0, count - WINDOW));
    }
  }

  /// Adds a token and returns the characters that are complete now, mostly those of one token.
  public String push(int id) {
    if (count == ids.length) {
      ids = Arrays.copyOf(ids, 2 * count);
    }
    ids[count++] = id;
    String full = decode(from);
    boolean mark = !skipSpecial && tokenizer.isSpecial(id);
    if (!mark && !whole(full)) {
      return "";
    }
    String piece = added(full);
    base = full;
    if (count - from > WINDOW) {
      moveTo(cut);
    }
    cut = count;
    String token = mark ? String.valueOf(tokenizer.token(id)) : "";
    return mark && piece.endsWith(token)
        ? free(piece.substring(0, piece.length() - token.length())) + MARK + token
        : free(piece);
  }

  /// A text without [#MARK], as users see it.
  public static String plain(String text) {
    return text.replace(MARK, "");
  }

  /// What a model wrote, where its special tokens are marked.
  private String free(String text) {
    return skipSpecial ? text : text.replace(MARK, "\uFFFD");
  }

  /// Returns the characters held back; call it once, after the last token.
  public String finish() {
    String full = decode(from);
    String piece = added(full);
    base = full;
    return free(piece);
  }

  private boolean whole(String text) {
    boolean half = !text.isEmpty() && text.charAt(text.length() - 1) == INCOMPLETE;
    return !half && !tokenizer.endsOpen(ids, count);
  }

  private void moveTo(int start) {
    String text = decode(start);
    if (!text.isEmpty() && whole(text)) {
      from = start;
      base = text;
    }
  }

  private String decode(int start) {
    return tokenizer.decode(ids, start, count, skipSpecial);
  }

  /// Returns what `full` adds; where the prompt itself ended inside a character, all behind the
  /// characters that both have.
  private String added(String full) {
    if (full.startsWith(base)) {
      return full.substring(base.length());
    }
    int same = Arrays.mismatch(base.toCharArray(), full.toCharArray());
    boolean split = same > 0 && Character.isHighSurrogate(full.charAt(same - 1));
    return full.substring(split ? same - 1 : same);
  }
}
