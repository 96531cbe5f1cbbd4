package dev.nudge.eval.task;

import dev.nudge.settings.InputException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Generation settings of a task (`generation_kwargs`).
///
/// @param until stop strings, not part of the answer
/// @param maxTokens most generated tokens
/// @param temperature 0: greedy decoding
/// @param topP nucleus sampling probability mass; 1: off
/// @param topK number of likeliest tokens to sample from; 0: off
/// @param written the keys as written into results
public record GenerationKwargs(
    List<String> until,
    int maxTokens,
    double temperature,
    double topP,
    int topK,
    Map<String, @Nullable Object> written) {
  private static final int MAX_TOKENS = 256;
  private static final List<String> LENGTHS =
      List.of("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens");
  private static final Set<String> KNOWN =
      Set.of(
          "until",
          "do_sample",
          "temperature",
          "top_p",
          "top_k",
          "num_beams",
          "max_gen_toks",
          "max_new_tokens",
          "max_tokens",
          "max_completion_tokens");

  public GenerationKwargs {
    until = List.copyOf(until);
  }

  /// Whether tokens are sampled, not chosen greedily.
  public boolean samples() {
    return temperature > 0;
  }

  /// @param keys keys of the task
  /// @param delimiter the few-shot delimiter, the stop string if none is set
  static GenerationKwargs of(TaskKeys keys, String delimiter) {
    TaskKeys given = keys.map("generation_kwargs");
    Map<String, @Nullable Object> written = new LinkedHashMap<>();
    if (given == null) {
      written.put("temperature", 0.0);
      written.put("do_sample", false);
      written.put("max_gen_toks", MAX_TOKENS);
      written.put("until", List.of(delimiter));
      given = new TaskKeys(keys.place() + ": generation_kwargs", written);
      return new GenerationKwargs(List.of(delimiter), MAX_TOKENS, 0, 1, 0, written);
    }
    given.only(KNOWN);
    written.putAll(given.all());
    if (given.has("temperature")) {
      written.put("temperature", given.real("temperature", 0));
    }
    if (!written.containsKey("until")) {
      written.put("until", List.of(delimiter));
    }
    int most = MAX_TOKENS;
    for (String name : LENGTHS.reversed()) {
      most = given.has(name) ? given.whole(name, MAX_TOKENS, 1) : most;
    }
    if (given.whole("num_beams", 1, 1) != 1) {
      throw given.wrong("num_beams", "1: beams are not searched here");
    }
    double temperature = given.real("temperature", 0);
    if (given.has("do_sample")) {
      boolean samples = given.flag("do_sample", false);
      if (samples && temperature == 0) {
        throw new InputException(
            "%s: do_sample is true and temperature is %s; give a temperature above 0, or leave do_sample out"
                .formatted(given.place(), given.has("temperature") ? "0" : "missing"));
      }
      temperature = samples ? temperature : 0;
    }
    List<String> until = given.has("until") ? given.texts("until") : null;
    return new GenerationKwargs(
        until == null ? written.get("until") == null ? List.of() : List.of(delimiter) : until,
        most,
        temperature,
        given.real("top_p", 1),
        given.whole("top_k", 0, 0),
        written);
  }
}
