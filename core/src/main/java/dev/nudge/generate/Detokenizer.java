package dev.nudge.generate;

import dev.nudge.generate.Completion.Stop;
import dev.nudge.settings.verb.SamplingSettings;
import dev.nudge.text.StreamDecoder;
import dev.nudge.text.Tokenizer;
import dev.nudge.text.chat.Harmony;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Decodes the tokens of one sequence as a stream, and says when a stop string ends it.
///
/// Text is emitted only once no stop string can begin in it any more, so a stop string is never
/// shown, not even half. Where an answer comes in channels, a stop string counts within a message,
/// not in what stands before one, and pieces have the marks of [StreamDecoder#MARK].
final class Detokenizer {
  private final StreamDecoder decoder;
  private final List<String> stops;
  private final Set<Integer> stopIds;
  private final Tokenizer tokenizer;
  private final List<Integer> ends;
  private final int least;
  private final int most;
  private final Consumer<String> pieces;
  private final @Nullable List<TokenLogprob> logprobs;
  private final boolean tops;
  private final boolean channels;
  private final StringBuilder text = new StringBuilder();
  private int shown;
  private int tokens;
  private @Nullable Stop stop;

  /// @param ends tokens that end it, as the tokenizer's end token does
  /// @param sampling says what else ends it, and whether log-probabilities are told
  /// @param most tokens allowed
  /// @param pieces told text as it comes
  Detokenizer(
      Tokenizer tokenizer,
      List<Integer> ends,
      int[] prompt,
      SamplingSettings sampling,
      int most,
      Consumer<String> pieces) {
    this.decoder = new StreamDecoder(tokenizer, prompt);
    this.channels = tokenizer.asksForChannels(prompt);
    this.stops = sampling.stop();
    this.stopIds = sampling.stopIds();
    this.tokenizer = tokenizer;
    this.ends = ends;
    this.least = sampling.minTokens();
    this.most = most;
    this.pieces = pieces;
    this.logprobs = sampling.logprobs() ? new ArrayList<>() : null;
    this.tops = sampling.topLogprobs() > 0;
  }

  /// Takes a token.
  ///
  /// @return whether the sequence goes on
  boolean push(int id) {
    return push(id, null);
  }

  /// Takes a token.
  ///
  /// @param thought what the model thought of it, where the settings ask for that
  /// @return whether the sequence goes on
  boolean push(int id, @Nullable Logprobs thought) {
    tokens++;
    if (logprobs != null && thought != null) {
      logprobs.add(told(thought));
    }
    if (ends.contains(id) || tokenizer.isEnd(id)) {
      return end(Stop.EOS);
    }
    if (stopIds.contains(id)) {
      return end(Stop.TOKEN);
    }
    text.append(decoder.push(id));
    if (tokens <= least) {
      show(text.length()); // no stop string begins in it
    } else if (stopped()) {
      return false;
    }
    if (tokens == most) {
      return end(Stop.LENGTH);
    }
    show(text.length() - held());
    return true;
  }

  /// What the model thought of a token, as it is told.
  TokenLogprob told(Logprobs thought) {
    return told(thought.token(), tops ? thought.top() : null);
  }

  private TokenLogprob told(Logprobs.Likely likely, @Nullable List<Logprobs.Likely> top) {
    return new TokenLogprob(
        tokenizer.decode(new int[] {likely.id()}, false),
        likely.id(),
        likely.logprob(),
        top == null ? null : top.stream().map(t -> told(t, null)).toList());
  }

  private boolean end(Stop reason) {
    text.append(decoder.finish());
    if (!stopped()) {
      stop = reason;
      show(text.length());
    }
    return false;
  }

  /// Ends it as it stands, unless it has ended.
  void interrupt() {
    if (stop == null) {
      end(Stop.INTERRUPTED);
    }
  }

  /// Cuts the text at the first stop string in it.
  private boolean stopped() {
    int first = -1;
    for (String s : stops) {
      int at = text.indexOf(s, shown);
      while (channels && at >= 0 && !Harmony.isBody(text, at, at + s.length())) {
        at = text.indexOf(s, at + 1);
      }
      if (at >= 0 && (first < 0 || at < first)) {
        first = at;
      }
    }
    if (first < 0) {
      return false;
    }
    text.setLength(first);
    stop = Stop.STRING;
    show(first);
    return true;
  }

  /// Characters at the end that may be the beginning of a stop string; none of those that were told
  /// is one.
  private int held() {
    int most = 0;
    for (String s : stops) {
      for (int n = Math.min(s.length() - 1, text.length() - shown); n > most; n--) {
        if (endsWithStart(s, n)) {
          most = n;
        }
      }
    }
    return most;
  }

  /// Whether the text ends with the first characters of a string.
  private boolean endsWithStart(String s, int n) {
    int from = text.length() - n;
    for (int i = 0; i < n; i++) {
      if (text.charAt(from + i) != s.charAt(i)) {
        return false;
      }
    }
    return true;
  }

  private void show(int end) {
    if (end > shown) {
      pieces.accept(text.substring(shown, end));
      shown = end;
    }
  }

  /// Tokens so far.
  int tokens() {
    return tokens;
  }

  /// What was told of tokens from one on.
  List<TokenLogprob> logprobs(int from) {
    return logprobs == null ? List.of() : List.copyOf(logprobs.subList(from, logprobs.size()));
  }

  /// The completion with reasoning and calls as most models mark them, if they came in channels.
  Completion written() {
    return completion(channels ? Harmony.written(text.toString()) : text.toString());
  }

  Completion completion() {
    return completion(channels ? StreamDecoder.plain(text.toString()) : text.toString());
  }

  private Completion completion(String whole) {
    return new Completion(
        whole,
        tokens,
        stop == null ? Stop.LENGTH : stop,
        logprobs == null ? null : List.copyOf(logprobs));
  }
}
