package dev.nudge.server.http;

import dev.nudge.settings.Nearest;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/// The fields that a route reads. Other fields cause a warning; a field whose name resembles that
/// of a known field is refused, because a mistyped limit would change the answer.
public enum KnownFields {
  CHAT(
      "messages tools tool_choice parallel_tool_calls response_format chat_template_kwargs"
          + " max_tokens max_completion_tokens n best_of top_logprobs"),
  COMPLETION(
      "prompt columns suffix echo response_format max_tokens max_completion_tokens n best_of"),
  RESPONSE(
      "input instructions max_output_tokens text chat_template_kwargs previous_response_id"
          + " conversation prompt background tools tool_choice parallel_tool_calls include"
          + " top_logprobs truncation"),
  EMBEDDING("input encoding_format dimensions");

  /// Read by all routes that generate.
  private static final String SAMPLING =
      " temperature top_p top_k min_p repetition_penalty presence_penalty frequency_penalty"
          + " logit_bias seed stop stop_token_ids min_tokens ignore_eos logprobs stream"
          + " stream_options guided_json guided_regex guided_choice structured_outputs";

  /// OpenAI's bookkeeping fields, which do not change an answer.
  private static final Set<String> BOOKS =
      Set.of(
          ("user metadata store service_tier safety_identifier prompt_cache_key"
                  + " prompt_cache_retention")
              .split(" "));

  /// Fields of OpenAI, vLLM, llama.cpp and OpenRouter that resemble a field of this server but mean
  /// something else.
  private static final Set<String> ELSEWHERE =
      Set.of(
          ("audio functions function_call modalities moderation prediction reasoning"
                  + " reasoning_effort verbosity web_search_options context_management"
                  + " max_tool_calls"
                  + " add_generation_prompt add_special_tokens allowed_token_ids bad_words"
                  + " cache_salt chat_template continue_final_message documents guided_grammar"
                  + " include_stop_str_in_output length_penalty priority prompt_logprobs request_id"
                  + " return_token_ids return_tokens_as_token_ids skip_special_tokens"
                  + " spaces_between_special_tokens truncate_prompt_tokens"
                  + " cache_prompt grammar json_schema mirostat n_probs reasoning_format samplers"
                  + " typical_p"
                  + " models plugins provider route top_a transforms usage")
              .split(" "));

  private static final int MOST_NAMED = 10; // fields in a warning

  private final Set<String> names;

  KnownFields(String own) {
    names = new TreeSet<>(List.of(("model " + own).split(" ")));
  }

  /// Warns of the fields that the route does not read.
  ///
  /// @throws ApiException if a name resembles a known field's
  public void check(Exchange exchange) {
    Fields fields = exchange.body();
    Set<String> read = new TreeSet<>(names);
    if (this != EMBEDDING) {
      read.addAll(List.of(SAMPLING.strip().split(" ")));
    }
    List<String> ignored = new ArrayList<>();
    for (String name : fields.body().propertyNames()) {
      if (!fields.has(name) || read.contains(name) || BOOKS.contains(name)) {
        continue;
      }
      List<String> near =
          Nearest.of(name, read).stream().filter(known -> !name.startsWith(known + "_")).toList();
      String shown = ApiException.shown(name);
      if (!near.isEmpty() && !ELSEWHERE.contains(name)) {
        throw ApiException.wrong(
            shown,
            "there is no field '%s'; did you mean %s?"
                .formatted(shown, Nearest.alternatives(near)));
      }
      ignored.add("field '%s' is not supported and was ignored".formatted(shown));
    }
    if (!ignored.isEmpty()) {
      int more = ignored.size() - MOST_NAMED;
      exchange.warn(
          String.join("; ", ignored.subList(0, Math.min(ignored.size(), MOST_NAMED)))
              + (more > 0 ? "; and %,d more fields".formatted(more) : ""));
    }
  }
}
