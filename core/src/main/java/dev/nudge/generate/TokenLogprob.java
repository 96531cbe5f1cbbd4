package dev.nudge.generate;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A token with its log-probability in the model's own distribution: before bias, penalties,
/// temperature and filters, in nats, as `score` sums it up.
///
/// @param token its text alone, special tokens spelled out; a part of a character shows as U+FFFD
/// @param top the likeliest tokens of its place, the first the likeliest; null where not asked for
public record TokenLogprob(
    String token,
    int id,
    double logprob,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable List<TokenLogprob> top) {}
