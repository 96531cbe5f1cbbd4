package dev.nudge.generate;

import java.util.ArrayList;
import java.util.List;

/// The log-probability of a token and of the likeliest tokens in its place.
///
/// @param normaliser log of the sum of the exponentials of all logits (logsumexp)
/// @param token the chosen token; its id is -1 until it is chosen
/// @param top the likeliest tokens in order, ties by id
record Logprobs(double normaliser, Likely token, List<Likely> top) {

  /// A token and its log-probability.
  record Likely(int id, double logprob) {}

  /// Takes a row as the model gave it.
  ///
  /// @param most how many of the likeliest tokens to tell
  static Logprobs of(Logits logits, int most) {
    double normaliser = logits.normaliser();
    return new Logprobs(normaliser, new Likely(-1, 0), top(logits, most, normaliser));
  }

  Logprobs choose(double logit, int id) {
    return new Logprobs(normaliser, new Likely(id, logit - normaliser), top);
  }

  private static List<Likely> top(Logits logits, int most, double normaliser) {
    List<Likely> top = new ArrayList<>();
    double least = Double.NEGATIVE_INFINITY; // above which a token comes in, once `top` is full
    for (int i = 0; i < logits.size() && most > 0; i++) {
      double logit = logits.at(i);
      if (top.size() == most && !(logit - normaliser > least)) {
        continue;
      }
      int place = top.size();
      while (place > 0 && top.get(place - 1).logprob() < logit - normaliser) {
        place--;
      }
      top.add(place, new Likely(i, logit - normaliser));
      if (top.size() > most) {
        top.removeLast();
      }
      least = top.getLast().logprob();
    }
    return List.copyOf(top);
  }
}
