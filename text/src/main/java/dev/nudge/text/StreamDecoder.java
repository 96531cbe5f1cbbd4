package dev.nudge.text;

import java.util.Arrays;

/// Decodes generated tokens one at a time for streaming, and never emits half a character.
///
/// All pieces joined are the text that decode(prompt + new) adds to decode(prompt), without special
/// tokens. After a prompt that asks for channels, special tokens are emitted too, each after a
/// [#MARK], which ordinary text never contains, even if it spells a special token.
///
/// Decoding each token alone would differ: a character may be split over several byte-level tokens,
/// and SentencePiece decoders drop the space in front of their first token. So a window of tokens
/// is decoded and compared with the text that was emitted before:
///
/// ```
///   base = decode(ids[windowStart .. known])   text that is emitted already
///   full = decode(ids[windowStart .. now])     emitted now: the text after base
/// ```
///
/// A piece is held back while `full` ends with U+FFFD, which marks an incomplete character, and
/// after a byte token (`<0xE2>`), as a decoder with byte fallback turns an invalid run of bytes
/// into U+FFFD. Once the window has [#WINDOW] tokens, it moves on to the end of the last piece, if
/// the text from there is not empty and ends with a whole character: only then does later text not
/// depend on dropped tokens.
///
/// Threading: one generation, one thread.
public final class StreamDecoder {
  /// Precedes each special token after a prompt that asks for channels; a Unicode noncharacter.
  public static final String MARK = "\uFFFF";

  private static final int WINDOW = 16;
  private static final char INCOMPLETE = '\uFFFD';

  private final Tokenizer tokenizer;
  private final boolean skipSpecial;
  private int[] ids;
  private int count;
  private int windowStart;
  private int cut; // end of the last piece
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

  /// Adds a token and returns the characters that are complete now, usually that token's.
  public String push(int id) {
    if (count == ids.length) {
      ids = Arrays.copyOf(ids, 2 * count);
    }
    ids[count++] = id;
    String full = decode(windowStart);
    boolean mark = !skipSpecial && tokenizer.isSpecial(id);
    if (!mark && !whole(full)) {
      return "";
    }
    String piece = added(full);
    base = full;
    if (count - windowStart > WINDOW) {
      moveTo(cut);
    }
    cut = count;
    String token = mark ? String.valueOf(tokenizer.token(id)) : "";
    return mark && piece.endsWith(token)
        ? free(piece.substring(0, piece.length() - token.length())) + MARK + token
        : free(piece);
  }

  /// Removes [#MARK] from a text for users.
  public static String plain(String text) {
    return text.replace(MARK, "");
  }

  /// Replaces [#MARK] in decoded text, if it would mark special tokens.
  private String free(String text) {
    return skipSpecial ? text : text.replace(MARK, "\uFFFD");
  }

  /// Returns the characters held back; call it once, after the last token.
  public String finish() {
    String full = decode(windowStart);
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
      windowStart = start;
      base = text;
    }
  }

  private String decode(int start) {
    return tokenizer.decode(ids, start, count, skipSpecial);
  }

  /// Returns the text that `full` adds to `base`; if the prompt ended inside a character, all after
  /// their common prefix.
  private String added(String full) {
    if (full.startsWith(base)) {
      return full.substring(base.length());
    }
    int same = Arrays.mismatch(base.toCharArray(), full.toCharArray());
    boolean split = same > 0 && Character.isHighSurrogate(full.charAt(same - 1));
    return full.substring(split ? same - 1 : same);
  }
}
