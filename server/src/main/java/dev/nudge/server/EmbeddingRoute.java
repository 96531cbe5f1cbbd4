package dev.nudge.server;

import dev.nudge.generate.AdapterCache;
import dev.nudge.generate.Usage;
import dev.nudge.server.http.ApiException;
import dev.nudge.server.http.Exchange;
import dev.nudge.server.http.Fields;
import dev.nudge.server.http.KnownFields;
import dev.nudge.server.http.Served;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.TimeUnit;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// `POST /v1/embeddings`: the mean-pooled last hidden states of a text, L2-normalised as OpenAI's,
/// through the adapter that `model` names.
record EmbeddingRoute(ServerContext shared) implements Routes.Handler {
  private static final int MOST_INPUTS = 2048; // as OpenAI

  @Override
  public void handle(Exchange exchange) {
    KnownFields.EMBEDDING.check(exchange);
    Fields fields = exchange.body();
    Served served = shared.find(exchange, ChatRoute.or(fields.text("model"), ""));
    boolean base64 = base64(fields);
    int width = shared.session().config().hiddenSize();
    Long dimensions = fields.whole("dimensions", 1, Integer.MAX_VALUE);
    if (dimensions != null && dimensions != width) {
      throw ApiException.wrong(
          "dimensions",
          "'dimensions' is %d; an embedding of this model has %d numbers and cannot be cut, so leave it out"
              .formatted(dimensions, width));
    }
    List<int[]> texts = TextField.read(shared, fields, "input", MOST_INPUTS);
    texts.forEach(this::check);
    ObjectNode reply = JsonNodeFactory.instance.objectNode().put("object", "list");
    ArrayNode data = reply.putArray("data");
    for (float[] embedding : embed(exchange, served, texts)) {
      ObjectNode one = data.addObject().put("object", "embedding").put("index", data.size() - 1);
      if (base64) {
        one.put("embedding", base64(embedding));
      } else {
        ArrayNode numbers = one.putArray("embedding");
        for (float number : embedding) {
          numbers.add(number);
        }
      }
    }
    int tokens = texts.stream().mapToInt(text -> text.length).sum();
    exchange.spent(Usage.ofPrompt(tokens), null);
    reply.put("model", served.asked());
    reply.putObject("usage").put("prompt_tokens", tokens).put("total_tokens", tokens);
    exchange.reply(reply);
  }

  private static boolean base64(Fields fields) {
    String format = ChatRoute.or(fields.text("encoding_format"), "float");
    return switch (format) {
      case "float" -> false;
      case "base64" -> true;
      default ->
          throw ApiException.wrong(
              "encoding_format",
              "'encoding_format' is '%s'; it must be float or base64"
                  .formatted(ApiException.shown(format)));
    };
  }

  private void check(int[] text) {
    int most = shared.session().maxLength();
    if (text.length == 0) {
      throw ApiException.wrong("input", "'input' has a text without tokens; give it one");
    }
    if (text.length > most) {
      throw ApiException.tooLong(
          "input",
          "'input' has a text of %d tokens, and the model takes %d; shorten it"
              .formatted(text.length, most));
    }
  }

  private List<float[]> embed(Exchange exchange, Served served, List<int[]> texts) {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(shared.settings().requestTimeout());
    List<float[]> all = new ArrayList<>();
    shared.running().begin(served);
    try (AdapterCache.Lease lease = shared.lease(served)) {
      exchange.watch();
      for (int[] text : texts) {
        if (!exchange.connected()) {
          throw new Exchange.Gone(new IOException("the client closed its connection"));
        }
        if (System.nanoTime() > end) {
          throw ApiException.late(shared.settings().requestTimeout());
        }
        all.add(unit(shared.session().serving().embed(text, lease)));
      }
      return all;
    } finally {
      shared.running().end(served);
    }
  }

  private static float[] unit(float[] mean) {
    double square = 0;
    for (float number : mean) {
      square += (double) number * number;
    }
    double length = Math.sqrt(square);
    for (int i = 0; i < mean.length && length > 0; i++) {
      mean[i] = (float) (mean[i] / length);
    }
    return mean;
  }

  /// Encodes float32 little-endian as base64.
  private static String base64(float[] numbers) {
    ByteBuffer bytes =
        ByteBuffer.allocate(numbers.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(numbers);
    return Base64.getEncoder().encodeToString(bytes.array());
  }
}
