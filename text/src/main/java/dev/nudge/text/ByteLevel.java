package dev.nudge.text;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Byte-level pre-tokenizer: splits text into pieces before BPE and writes bytes as letters.
///
/// The pieces are those of the `ByteLevel` pre-tokenizer of the `tokenizers` library with
/// `use_regex` (GPT-2's): an English contraction, or letters, or digits, or other characters, each
/// with at most one space before it, or white space.
///
/// The letter of a byte that is printable in Latin-1 is that character; the other bytes get, in
/// order, the characters from U+0100 on. So the space is Ġ.
final class ByteLevel {
  static final int BYTES = 256;

  private static final Pattern PIECE =
      Pattern.compile(
          "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
          Pattern.UNICODE_CHARACTER_CLASS);
  private static final char[] LETTERS = letters();
  private static final int[] UNSIGNED = unsigned();

  private ByteLevel() {}

  /// Passes the pieces of a text to `each`, in order; joined they are the text.
  static void pieces(String text, Consumer<String> each) {
    Matcher matcher = PIECE.matcher(text);
    while (matcher.find()) {
      each.accept(matcher.group());
    }
  }

  /// Returns the letter of a byte.
  static char letter(int unsigned) {
    return LETTERS[unsigned];
  }

  /// Returns a piece's UTF-8 bytes, each as its letter.
  static String letters(String piece) {
    byte[] bytes = piece.getBytes(StandardCharsets.UTF_8);
    char[] letters = new char[bytes.length];
    for (int i = 0; i < bytes.length; i++) {
      letters[i] = LETTERS[bytes[i] & 0xFF];
    }
    return new String(letters);
  }

  /// Returns a token's bytes: those of its letters, or its UTF-8 if a character is not a letter.
  static byte[] bytes(String token) {
    byte[] bytes = new byte[token.length()];
    for (int i = 0; i < bytes.length; i++) {
      char letter = token.charAt(i);
      int unsigned = letter < UNSIGNED.length ? UNSIGNED[letter] : -1;
      if (unsigned < 0) {
        return token.getBytes(StandardCharsets.UTF_8);
      }
      bytes[i] = (byte) unsigned;
    }
    return bytes;
  }

  private static int[] unsigned() {
    int[] unsigned = new int[2 * BYTES];
    Arrays.fill(unsigned, -1);
    for (int b = 0; b < BYTES; b++) {
      unsigned[LETTERS[b]] = b;
    }
    return unsigned;
  }

  private static char[] letters() {
    char[] letters = new char[BYTES];
    int others = 0;
    for (int b = 0; b < BYTES; b++) {
      boolean printed =
          (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || (b >= 0xAE && b <= 0xFF);
      letters[b] = (char) (printed ? b : BYTES + others++);
    }
    return letters;
  }
}
