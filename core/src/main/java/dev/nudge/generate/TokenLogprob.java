package dev.nudge.generate;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A token with its log-probability by the model alone, in nats: before bias, penalties,
/// temperature and filters, as `score` sums it.
///
/// @param token its own text, special tokens spelled out; a part of a character shows as U+FFFD
/// @param top the likeliest tokens in its place, in order; null: not asked for
public record TokenLogprob(
    String token,
    int id,
    double logprob,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable List<TokenLogprob> top) {}
