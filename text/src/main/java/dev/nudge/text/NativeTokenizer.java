package dev.nudge.text;

import ai.djl.huggingface.tokenizers.jni.CharSpan;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import dev.nudge.settings.InputException;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.nio.file.Path;

/// A tokenizer of the native library, made of a `tokenizer.json` text with padding and truncation
/// off.
///
/// Threading: any number of threads. The native object is freed when this one is no longer
/// reachable.
final class NativeTokenizer {
  private static final Cleaner CLEANER = Cleaner.create();

  private final TokenizersLibrary library;
  private final long handle;

  private NativeTokenizer(TokenizersLibrary library, long handle) {
    this.library = library;
    this.handle = handle;
    CLEANER.register(this, () -> library.deleteTokenizer(handle));
  }

  /// @param file whose text it is, for messages
  static NativeTokenizer of(String json, Path file, Path cache) {
    TokenizersLibrary library = NativeTokenizers.load(cache);
    long handle;
    try {
      handle = library.createTokenizerFromString(json);
    } catch (RuntimeException e) {
      throw new InputException(
          file + " is not a tokenizer that can be read: " + NativeTokenizers.oneLine(e), e);
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
}
