package dev.nudge.settings;

import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// How the next token is chosen, where a completion ends and what is told of it.
///
/// @param temperature 0: greedy, and of the other knobs only those that change logits count
/// @param topK 0: off
/// @param presencePenalty as OpenAI's: taken once from the logit of each token of the completion
/// @param frequencyPenalty as OpenAI's: taken as often as the token is in the completion
/// @param logitBias `ID=VALUE` each, added to the logit of that token
/// @param n completions of a prompt; the first is the one that there is without it
/// @param stop texts that end a completion and are not part of it
/// @param stopId ids of tokens that end a completion and are not part of its text
/// @param minTokens until then no end token, `stopId` or `stop` ends it
/// @param regex whole completions that it matches are all that there may be; null: any
/// @param jsonSchema a file likewise; null: any
/// @param logprobs tell each token with its log-probability
/// @param topLogprobs and beside it the likeliest tokens of its place, this many
public record SamplingSettings(
    @Setting(help = "0: greedy; higher: more random", byDefault = "0") double temperature,
    @Setting(
            help = "sample from the likeliest tokens that hold this share; 1: off",
            byDefault = "1")
        double topP,
    @Setting(help = "sample from this many likeliest tokens; 0: off", byDefault = "0") int topK,
    @Setting(help = "drop tokens below this share of the likeliest one; 0: off", byDefault = "0")
        double minP,
    @Setting(help = "above 1: tokens already there become less likely", byDefault = "1")
        double repetitionPenalty,
    @Setting(
            help = "above 0: tokens that the completion has become less likely; -2 to 2",
            byDefault = "0")
        double presencePenalty,
    @Setting(help = "the same, as often as the completion has the token; -2 to 2", byDefault = "0")
        double frequencyPenalty,
    @Setting(
            help =
                "added to the logit of a token, by its id; -100 to 100; may be given several times",
            label = "ID=VALUE")
        List<String> logitBias,
    @Setting(help = "seed of the sampling", byDefault = "0") long seed,
    @Setting(help = "completions of each prompt", byDefault = "1") int n,
    @Setting(help = "text that ends a completion; may be given several times") List<String> stop,
    @Setting(
            help = "id of a token that ends a completion; may be given several times",
            label = "ID")
        List<String> stopId,
    @Setting(help = "tokens before anything but --max-tokens may end it", byDefault = "0")
        int minTokens,
    @Setting(help = "most tokens of a completion", byDefault = "256") int maxTokens,
    @Setting(help = "the completion is what this regular expression matches", label = "PATTERN")
        @Nullable String regex,
    @Setting(help = "the completion is JSON of the schema in this file", label = "FILE")
        @Nullable Path jsonSchema,
    @Setting(help = "tell each token with its log-probability") boolean logprobs,
    @Setting(help = "and this many of the likeliest tokens in its place; 0 to 20", byDefault = "0")
        int topLogprobs)
    implements SamplingWithers<SamplingSettings> {
  private static final int MOST_TOP = 20; // as OpenAI

  public SamplingSettings {
    Check.notNegative("--temperature", temperature);
    if (!(topP > 0 && topP <= 1)) {
      throw Check.wrong("--top-p", topP, "above 0 and at most 1");
    }
    Check.atLeast("--top-k", topK, 0);
    Check.share("--min-p", minP);
    Check.positive("--repetition-penalty", repetitionPenalty);
    Check.between("--presence-penalty", presencePenalty, -2, 2);
    Check.between("--frequency-penalty", frequencyPenalty, -2, 2);
    logitBias = List.copyOf(logitBias);
    TokenIds.biases(logitBias);
    Check.atLeast("--seed", seed, 0);
    Check.atLeast("--n", n, 1);
    if (n > 1 && temperature == 0) {
      throw new InputException(
          "--n is %d with --temperature 0, which says the same each time; raise --temperature"
              .formatted(n));
    }
    stop = List.copyOf(stop);
    stop.forEach(text -> Check.notEmpty("--stop", text));
    stopId = List.copyOf(stopId);
    stopId.forEach(id -> TokenIds.of("--stop-id", id, id));
    Check.atLeast("--min-tokens", minTokens, 0);
    Check.atLeast("--max-tokens", maxTokens, 1);
    if (minTokens > maxTokens) {
      throw Check.wrong("--min-tokens", minTokens, "at most --max-tokens " + maxTokens);
    }
    Check.notEmpty("--regex", regex);
    if (regex != null && jsonSchema != null) {
      throw new InputException("--regex and --json-schema are both given; leave one out");
    }
    Check.between("--top-logprobs", topLogprobs, 0, MOST_TOP);
    if (topLogprobs > 0 && !logprobs) {
      throw new InputException("--top-logprobs is given without --logprobs; add it");
    }
  }

  /// Takes the likeliest token each time; all else at its default.
  public static SamplingSettings greedy() {
    return Schema.of(SamplingSettings.class).of(Map.of());
  }

  /// What is added to logits, by token id.
  public Map<Integer, Double> biases() {
    return TokenIds.biases(logitBias);
  }

  /// The tokens that end a completion beside the model's own end tokens.
  public Set<Integer> stopIds() {
    Set<Integer> ids = new HashSet<>();
    stopId.forEach(id -> ids.add(TokenIds.of("--stop-id", id, id)));
    return Set.copyOf(ids);
  }

  /// Checks the token ids against a model.
  ///
  /// @param vocabulary tokens that the model has
  /// @throws InputException where it has not one of them
  public void checkTokens(int vocabulary) {
    stopIds().forEach(id -> TokenIds.check("--stop-id", id, vocabulary));
    new TreeMap<>(biases()).keySet().forEach(id -> TokenIds.check("--logit-bias", id, vocabulary));
  }
}
