package dev.nudge.settings.verb;

import dev.nudge.settings.Check;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Schema;
import dev.nudge.settings.Setting;
import dev.nudge.settings.SettingType;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Sampling parameters, and a completion's stops and constraints.
///
/// @param temperature 0: greedy decoding, in which only the parameters that change logits apply
/// @param topK 0: off
/// @param presencePenalty as in OpenAI's API: subtracted once from the logit of each token of the
///     completion
/// @param frequencyPenalty as in OpenAI's API: subtracted for each occurrence in the completion
/// @param logitBias each `ID=VALUE`, added to the logit of that token
/// @param n completions per prompt; the first one is the same for every `n`
/// @param stop stop strings, which are not part of the completion
/// @param stopId stop token ids, which are not part of the completion's text
/// @param minTokens tokens before any end token, `stopId` or `stop` can end the completion
/// @param regex regular expression that the completion must match; null: none
/// @param jsonSchema file with a JSON schema that the completion must fulfil; null: none
/// @param logprobs whether to return each token's log-probability
/// @param topLogprobs likeliest tokens to return for each place
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
  private static final double MOST_BIAS = 100; // likewise

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
    biases(logitBias);
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
    stopId.forEach(id -> tokenId("--stop-id", id, id));
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

  /// Makes settings for greedy decoding, everything else at its default.
  public static SamplingSettings greedy() {
    return Schema.of(SamplingSettings.class).of(Map.of());
  }

  /// The logit biases by token id.
  public Map<Integer, Double> biases() {
    return biases(logitBias);
  }

  /// The stop token ids, besides the model's own end tokens.
  public Set<Integer> stopIds() {
    Set<Integer> ids = new HashSet<>();
    stopId.forEach(id -> ids.add(tokenId("--stop-id", id, id)));
    return Set.copyOf(ids);
  }

  /// Checks that the model has all token ids of the settings.
  ///
  /// @param vocabulary size of the model's vocabulary
  /// @throws InputException if a token id is not in the vocabulary
  public void checkTokens(int vocabulary) {
    stopIds().forEach(id -> checkToken("--stop-id", id, vocabulary));
    new TreeMap<>(biases()).keySet().forEach(id -> checkToken("--logit-bias", id, vocabulary));
  }

  /// Parses a token id.
  ///
  /// @param given the value as the user wrote it, of which `text` is a part
  private static int tokenId(String flag, String text, String given) {
    try {
      int id = Integer.parseInt(text);
      if (id >= 0 && Character.isDigit(text.charAt(0))) {
        return id;
      }
    } catch (NumberFormatException e) {
      // reported below, like negatives
    }
    throw new InputException(
        "%s is %s; a token id must be a whole number, at least 0"
            .formatted(flag, SettingType.shown(given)));
  }

  /// @param entries `ID=VALUE` each
  private static Map<Integer, Double> biases(List<String> entries) {
    Map<Integer, Double> biases = new LinkedHashMap<>();
    for (String entry : entries) {
      int at = entry.indexOf('=');
      Double value = at < 0 ? null : SettingType.decimal(entry.substring(at + 1));
      if (value == null || !(Math.abs(value) <= MOST_BIAS)) {
        throw new InputException(
            "--logit-bias is %s; it must be ID=VALUE with a value from -100 to 100"
                .formatted(SettingType.shown(entry)));
      }
      int id = tokenId("--logit-bias", entry.substring(0, at), entry);
      if (biases.put(id, value) != null) {
        throw new InputException("--logit-bias has token " + id + " twice; give it once");
      }
    }
    return biases;
  }

  private static void checkToken(String flag, int id, int vocabulary) {
    if (id >= vocabulary) {
      throw new InputException(
          flag + " names token " + id + "; the model has tokens 0 to " + (vocabulary - 1));
    }
  }
}
