package dev.nudge.eval.run;

import dev.nudge.data.tokens.Example;
import dev.nudge.eval.task.GenerationKwargs;
import dev.nudge.eval.task.TaskRequest;
import dev.nudge.format.Sha256;
import dev.nudge.generate.Continuations;
import dev.nudge.generate.Divergences;
import dev.nudge.generate.Likelihoods;
import dev.nudge.generate.Likelihoods.Item;
import dev.nudge.generate.Session;
import dev.nudge.settings.RunException;
import dev.nudge.settings.verb.SamplingSettings;
import java.nio.ByteBuffer;
import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;

/// Runs inference on the requests of a task that have no cached answer yet.
///
/// Choices with a common context share its KV cache in the engine if that saves more tokens than
/// the continuations have; other texts are scored in full, in batches ([Session#score]). Equal
/// requests are run once. A sampled answer depends only on its request and repeat, not on other
/// requests in the run.
///
/// Threading: one thread.
final class Answers {
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;
  private static final String FROM_BASE = "kl_from_base";
  private static final int LARGE = 4096; // tokens computed between two writes to disk

  /// A tokenized request.
  ///
  /// @param parts context and continuation of a likelihood request, or the windows of a rolling
  ///     one
  /// @param prompt the prompt of a generation; else null
  /// @param digest digest of the tokens and of the generation settings
  record Encoded(TaskRequest request, List<Item> parts, int @Nullable [] prompt, String digest) {
    /// Number of tokens, for progress.
    long tokens() {
      long tokens = parts.stream().mapToLong(part -> part.ids().length).sum();
      return request instanceof TaskRequest.Generate how && prompt != null
          ? prompt.length + (long) how.how().maxTokens() * repeats(how)
          : Math.max(1, tokens);
    }

    /// Number of scored tokens.
    int scored() {
      return parts.stream().mapToInt(part -> part.ids().length - part.from()).sum();
    }
  }

  /// An evaluated model: the base, alone or with an adapter.
  ///
  /// @param name such as `base`
  /// @param adapter its name in the session; null: the base alone
  /// @param digest digest of the weights and of their numeric type
  record EvaluatedModel(String name, @Nullable String adapter, String digest) {}

  private final Session session;
  private final AnswerStore store;
  private final @Nullable Integer lanes;
  private final Map<String, Pace> paces = new HashMap<>();

  Answers(Session session, AnswerStore store, @Nullable Integer lanes) {
    this.session = session;
    this.store = store;
    this.lanes = lanes;
  }

  /// Tokenizes a request.
  static Encoded encoded(TaskRequest request, RequestTokens tokens) {
    return switch (request) {
      case TaskRequest.Likelihood r -> {
        Item item = tokens.likelihood(r.context(), r.continuation());
        yield new Encoded(r, List.of(item), null, digest("likelihood", List.of(item), null));
      }
      case TaskRequest.Rolling r -> {
        List<Item> windows = tokens.rolling(r.text());
        yield new Encoded(r, windows, null, digest("rolling", windows, null));
      }
      case TaskRequest.Generate r -> {
        int[] prompt = tokens.prompt(r.context(), r.how().maxTokens());
        GenerationKwargs how = r.how();
        String rule =
            "generate %s %s %s %s %s %s %s%s" // no %d: its digits depend on the locale
                .formatted(
                    tokens.digest(), // decoded text depends on the tokenizer
                    how.until(),
                    how.maxTokens(),
                    how.temperature(),
                    how.topP(),
                    how.topK(),
                    r.repeats(),
                    how.samples() ? " by request" : ""); // earlier versions drew by position
        yield new Encoded(r, List.of(), prompt, digest(rule, List.of(), prompt));
      }
    };
  }

  private static String digest(String rule, List<Item> parts, int @Nullable [] prompt) {
    int size = 4 * (parts.stream().mapToInt(p -> p.ids().length + 2).sum() + 1);
    size += prompt == null ? 0 : 4 * prompt.length;
    byte[] head = rule.getBytes(java.nio.charset.StandardCharsets.UTF_8);
    ByteBuffer all = ByteBuffer.allocate(head.length + 4 + size).put(head).putInt(head.length);
    for (Item part : parts) {
      all.putInt(part.ids().length).putInt(part.from());
      for (int id : part.ids()) {
        all.putInt(id);
      }
    }
    for (int id : prompt == null ? new int[0] : prompt) {
      all.putInt(id);
    }
    return Sha256.of(Arrays.copyOf(all.array(), all.position()));
  }

  /// Returns the same texts as requests for the KL divergence from the base.
  static Encoded fromBase(Encoded rolling) {
    String digest = digest(FROM_BASE, rolling.parts(), null);
    return new Encoded(rolling.request(), rolling.parts(), null, digest);
  }

  private static int repeats(TaskRequest.Generate how) {
    return how.how().samples() ? how.repeats() : 1;
  }

  private static String key(Encoded request, EvaluatedModel of) {
    return Sha256.of(
        (of.digest() + request.digest()).getBytes(java.nio.charset.StandardCharsets.UTF_8));
  }

  /// Returns the distinct requests without a cached answer, by cache key.
  Map<String, Encoded> missing(List<Encoded> requests, EvaluatedModel of) {
    Map<String, Encoded> missing = new LinkedHashMap<>();
    for (Encoded request : requests) {
      String key = key(request, of);
      if (store.find(key) == null) {
        missing.putIfAbsent(key, request);
      }
    }
    return missing;
  }

  /// Answers requests.
  ///
  /// @param done called with numbers of processed tokens, cached answers excluded
  /// @return a list of answers per request
  List<JsonNode> of(List<Encoded> requests, EvaluatedModel of, IntConsumer done) {
    Map<String, Encoded> missing = missing(requests, of);
    long start = System.nanoTime();
    long[] tokens = {0};
    try {
      likelihoods(missing, contexts(requests), of, done);
      long generating = System.nanoTime();
      generations(missing, of, done, tokens);
      long end = System.nanoTime();
      Pace now = new Pace(missing.size(), (end - start) / 1e9, tokens[0], (end - generating) / 1e9);
      paces.merge(of.name(), now, Pace::plus);
    } finally {
      store.flush();
    }
    return found(requests, of);
  }

  /// Computes the KL divergence of an adapted model from the base on texts.
  ///
  /// @param texts texts from [#fromBase]
  /// @return per text the sum over its tokens in nats, and the number of tokens
  List<JsonNode> fromBase(List<Encoded> texts, EvaluatedModel of, IntConsumer done) {
    String adapter = of.adapter();
    if (adapter == null) { // the base has no divergence from itself
      return texts.stream().map(text -> apart(0, text.scored())).toList();
    }
    Map<String, Sum> sums = new LinkedHashMap<>();
    List<Part> parts = new ArrayList<>();
    missing(texts, of)
        .forEach(
            (key, text) -> {
              Sum empty = new Sum(text);
              sums.put(key, empty);
              text.parts().forEach(part -> parts.add(new Part(key, part)));
              if (text.parts().isEmpty()) {
                store.put(key, apart(0, 0));
              }
            });
    int[] since = {0};
    try {
      Divergences.of(
          session,
          adapter,
          parts.stream().map(Part::item).toList(),
          (score, i) -> {
            Part part = parts.get(i);
            Sum sum = Objects.requireNonNull(sums.get(part.key()));
            if (sum.add(score.sum(), true)) {
              store.put(part.key(), apart(sum.logprob, sum.request.scored()));
            }
            written(part.item().ids().length, since);
            done.accept(part.item().ids().length);
          });
    } finally {
      store.flush();
    }
    return found(texts, of);
  }

  private static JsonNode apart(double sum, int tokens) {
    return NODES.arrayNode().add(sum).add(tokens);
  }

  private List<JsonNode> found(List<Encoded> requests, EvaluatedModel of) {
    List<JsonNode> answers = new ArrayList<>();
    for (Encoded request : requests) {
      JsonNode answer = store.find(key(request, of));
      if (answer == null) {
        throw new IllegalStateException("a request without an answer");
      }
      answers.add(answer);
    }
    return answers;
  }

  /// A part of a request that is scored.
  private record Part(String key, Item item) {}

  /// The continuations of one context: number of requests, and tokens after the context in all.
  private record ContinuationSize(int requests, int tokens) {
    ContinuationSize plus(ContinuationSize other) {
      return new ContinuationSize(requests + other.requests, tokens + other.tokens);
    }

    /// Whether sharing the context's KV cache saves more than the continuations cost.
    boolean shares(int context) {
      return (long) (requests - 1) * context > tokens;
    }
  }

  /// Returns the contexts of all requests, cached ones included, so that a resumed evaluation
  /// computes the same bits as an uninterrupted one.
  private static Map<IntBuffer, ContinuationSize> contexts(List<Encoded> requests) {
    Map<IntBuffer, ContinuationSize> contexts = new HashMap<>();
    for (Encoded request : requests) {
      if (request.request() instanceof TaskRequest.Likelihood) {
        Item item = request.parts().getFirst();
        ContinuationSize one = new ContinuationSize(1, item.ids().length - item.from() - 1);
        contexts.merge(context(item), one, ContinuationSize::plus);
      }
    }
    return contexts;
  }

  private void likelihoods(
      Map<String, Encoded> missing,
      Map<IntBuffer, ContinuationSize> contexts,
      EvaluatedModel of,
      IntConsumer done) {
    Map<String, Sum> sums = new LinkedHashMap<>();
    List<Part> shared = new ArrayList<>();
    List<Part> whole = new ArrayList<>();
    missing.forEach(
        (key, request) -> {
          if (request.request() instanceof TaskRequest.Generate) {
            return;
          }
          Sum empty = new Sum(request);
          sums.put(key, empty);
          for (Item part : request.parts()) {
            boolean shares =
                request.request() instanceof TaskRequest.Likelihood
                    && Objects.requireNonNull(contexts.get(context(part))).shares(part.from());
            (shares ? shared : whole).add(new Part(key, part));
          }
          if (request.parts().isEmpty()) {
            store.put(key, empty.answer());
          }
        });
    int[] since = {0};
    Likelihoods.of(
        session,
        of.adapter(),
        shared.stream().map(Part::item).toList(),
        (score, i) -> add(shared.get(i), sums, score.logprob(), score.greedy(), since, done));
    List<Example> rows = new ArrayList<>();
    for (Part part : whole) {
      rows.add(Example.from(part.item().ids(), part.item().from(), rows.size()));
    }
    session.score(
        rows,
        lanes,
        of.adapter(),
        row -> add(whole.get(row.index()), sums, row.logprob(), row.greedy(), since, done));
  }

  private static IntBuffer context(Item item) {
    return IntBuffer.wrap(item.ids(), 0, item.from()).slice();
  }

  /// The accumulated scores of a request's parts.
  private static final class Sum {
    private final Encoded request;
    private double logprob;
    private boolean greedy = true;
    private int parts;

    Sum(Encoded request) {
      this.request = request;
    }

    boolean add(double more, boolean isGreedy) {
      logprob += more;
      greedy &= isGreedy;
      return ++parts == request.parts().size();
    }

    JsonNode answer() {
      ArrayNode list = NODES.arrayNode();
      if (request.request() instanceof TaskRequest.Rolling) {
        return list.add(logprob);
      }
      list.addArray().add(logprob).add(greedy);
      return list;
    }
  }

  private void add(
      Part part,
      Map<String, Sum> sums,
      double logprob,
      boolean greedy,
      int[] since,
      IntConsumer done) {
    if (!Double.isFinite(logprob)) {
      throw new RunException(
          "a log-probability is %s: the weights or an adapter have numbers that are none"
              .formatted(logprob));
    }
    Sum sum = Objects.requireNonNull(sums.get(part.key()));
    if (sum.add(logprob, greedy)) {
      store.put(part.key(), sum.answer());
    }
    int tokens = part.item().ids().length;
    written(tokens, since);
    done.accept(tokens);
  }

  private void written(int tokens, int[] since) {
    since[0] += tokens;
    if (since[0] >= LARGE) {
      store.flush();
      since[0] = 0;
    }
  }

  /// Returns the speed of a model.
  Pace pace(String model) {
    return paces.getOrDefault(model, Pace.NONE);
  }

  private void generations(
      Map<String, Encoded> missing, EvaluatedModel of, IntConsumer done, long[] generated) {
    List<Continuations.Prompt> prompts = new ArrayList<>();
    List<String> keys = new ArrayList<>();
    missing.forEach(
        (key, request) -> {
          if (request.request() instanceof TaskRequest.Generate r && request.prompt() != null) {
            for (int i = 0; i < repeats(r); i++) {
              prompts.add(
                  new Continuations.Prompt(
                      request.prompt(),
                      r.how().until(),
                      r.how().maxTokens(),
                      sampling(r.how()),
                      draws(request.digest(), i)));
              keys.add(key);
            }
          }
        });
    Map<String, ArrayNode> texts = new HashMap<>();
    int[] since = {0};
    Continuations.of(
        session,
        of.adapter(),
        prompts,
        (said, i) -> {
          String text = said.text();
          generated[0] += said.tokens();
          String key = keys.get(i);
          Encoded request = Objects.requireNonNull(missing.get(key));
          if (!(request.request() instanceof TaskRequest.Generate r) || request.prompt() == null) {
            throw new IllegalStateException("an answer to no prompt");
          }
          ArrayNode all = texts.computeIfAbsent(key, k -> NODES.arrayNode()).add(text);
          if (all.size() == repeats(r)) {
            while (all.size() < r.repeats()) {
              all.add(text); // greedy decoding always returns the same text
            }
            store.put(key, all);
          }
          int tokens = (int) Math.min(Integer.MAX_VALUE, request.tokens() / repeats(r));
          written(tokens, since);
          done.accept(tokens);
        });
  }

  /// Returns the random stream id of a sampled answer.
  ///
  /// @param digest digest of its request
  /// @param repeat index of the sample, from 0
  private static long draws(String digest, int repeat) {
    byte[] both = (digest + " " + repeat).getBytes(java.nio.charset.StandardCharsets.UTF_8);
    String hex = Sha256.of(both).substring(Sha256.PREFIX.length());
    return Long.parseUnsignedLong(hex, 0, 2 * Long.BYTES, 16);
  }

  private static SamplingSettings sampling(GenerationKwargs how) {
    Map<String, Object> values = new HashMap<>();
    values.put("temperature", how.temperature());
    if (how.samples()) {
      values.put("top_p", how.topP());
      values.put("top_k", how.topK());
    }
    return dev.nudge.settings.Schema.of(SamplingSettings.class).of(values);
  }
}
