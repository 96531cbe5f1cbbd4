package dev.nudge.eval.run;

import dev.nudge.generate.Likelihoods.Item;
import dev.nudge.python.PythonText;
import dev.nudge.settings.InputException;
import dev.nudge.text.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Tokenizes requests as lm-evaluation-harness does for a causal model.
///
/// Trailing white space of a context moves to the continuation. The joined text is tokenized, and
/// the continuation begins after as many tokens as the context has. An empty context is the BOS
/// token, else EOS. Too long requests are truncated on the left. A long text is scored in disjoint
/// windows, each with as much preceding context as fits: one token before a full window, more
/// before the last one. Consecutive choices share the tokens of their context.
///
/// Threading: any number of threads.
public final class RequestTokens {
  /// Tokenizes a text, with or without special tokens.
  interface Encoder {
    int[] ids(String text, boolean adds);
  }

  /// A context with its token ids.
  private record Context(String text, int[] ids) {}

  private final Encoder encoder;
  private final int maxLength;
  private final int prefix;
  private final String begin;
  private final String digest;
  private volatile @Nullable Context last;

  /// @param maxLength longest sequence of the model, in tokens
  /// @param encoder tokenizes as the tokenizer does
  RequestTokens(Tokenizer tokenizer, int maxLength, Encoder encoder) {
    this.encoder = encoder;
    this.maxLength = maxLength;
    this.prefix = tokenizer.bosId().isPresent() ? tokenizer.bosId().getAsInt() : tokenizer.eosId();
    this.begin = tokenizer.decode(new int[] {prefix}, false);
    this.digest = tokenizer.digest();
  }

  /// Returns the longest sequence of the model, in tokens.
  int maxLength() {
    return maxLength;
  }

  /// Returns the digest of the tokenizer.
  String digest() {
    return digest;
  }

  /// Tokenizes a text; no second BOS is added if the text begins with it.
  int[] of(String text) {
    boolean begun = !begin.isEmpty() && text.startsWith(begin);
    return encoder.ids(text, !begun);
  }

  /// Tokenizes a context and its scored continuation.
  ///
  /// @throws InputException if no token is left to score, or the continuation is too long
  Item likelihood(String context, String continuation) {
    int[] before;
    int[] scored;
    if (context.isEmpty()) {
      scored = encoder.ids(continuation, false);
      boolean begun = scored.length > 0 && scored[0] == prefix;
      before = new int[] {prefix};
      scored = begun ? Arrays.copyOfRange(scored, 1, scored.length) : scored;
    } else {
      String stripped = PythonText.stripEnd(context);
      int[] whole = of(context + continuation);
      before = context(stripped);
      scored = Arrays.copyOfRange(whole, Math.min(before.length, whole.length), whole.length);
    }
    if (scored.length == 0 || before.length == 0) {
      throw new InputException(
          "continuation '%s' of context '%s' has no tokens to score"
              .formatted(shortened(continuation), shortened(context)));
    }
    if (scored.length > maxLength) {
      throw new InputException(
          "'%s' has %s tokens, and the model reads %s; a longer text is for loglikelihood_rolling"
              .formatted(shortened(continuation), scored.length, maxLength));
    }
    int[] all = Arrays.copyOf(before, before.length + scored.length);
    System.arraycopy(scored, 0, all, before.length, scored.length);
    int cut = Math.max(0, all.length - (maxLength + 1));
    return new Item(Arrays.copyOfRange(all, cut, all.length), before.length - cut);
  }

  private int[] context(String text) {
    Context known = last;
    if (known == null || !known.text.equals(text)) {
      known = new Context(text, of(text));
      last = known;
    }
    return known.ids;
  }

  /// Returns the windows of a text; empty without tokens.
  List<Item> rolling(String text) {
    int[] ids = of(text);
    List<Item> windows = new ArrayList<>();
    for (int from = 0; from < ids.length; from += maxLength) {
      int to = Math.min(ids.length, from + maxLength);
      if (from == 0) {
        int[] window = new int[1 + to];
        window[0] = prefix;
        System.arraycopy(ids, 0, window, 1, to);
        windows.add(new Item(window, 1));
      } else {
        int begin = to - maxLength - 1;
        windows.add(new Item(Arrays.copyOfRange(ids, begin, to), from - begin));
      }
    }
    return windows;
  }

  /// Returns the tokens of a prompt, truncated to leave space for `maxTokens` generated tokens.
  int[] prompt(String context, int maxTokens) {
    int most = maxLength - maxTokens;
    if (most < 1) {
      throw new InputException(
          "max_gen_toks is %s, and the model reads %s tokens, prompt and answer together; lower it"
              .formatted(maxTokens, maxLength));
    }
    int[] ids = of(context);
    if (ids.length == 0) {
      throw new InputException("a prompt has no tokens; doc_to_text makes an empty text");
    }
    return Arrays.copyOfRange(ids, Math.max(0, ids.length - most), ids.length);
  }

  private static String shortened(String text) {
    String line = text.replaceAll("\\s+", " ");
    return line.length() > 60 ? line.substring(0, 60) + "…" : line;
  }
}
