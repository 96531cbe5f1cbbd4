package dev.nudge.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.generate.Session;
import dev.nudge.server.Place.Reply;
import dev.nudge.settings.verb.ModelSettings;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Base64;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/// `POST /v1/embeddings` of a tiny model and its adapters.
@Timeout(1800)
class EmbeddingsTest {
  private static final String EMBED = "/v1/embeddings";
  @RegisterExtension private static final Place place = Place.open();

  /// The library's own, brought to length 1.
  private static double[] alone(@Nullable Path adapter, String text) {
    try (Session session =
        Session.load(ModelSettings.of(Place.MODEL), adapter, Place.MACHINE, warning -> {})) {
      float[] mean = session.embed(text);
      double square = 0;
      for (float number : mean) {
        square += (double) number * number;
      }
      double[] unit = new double[mean.length];
      for (int i = 0; i < unit.length; i++) {
        unit[i] = mean[i] / Math.sqrt(square);
      }
      return unit;
    }
  }

  private static double[] numbers(JsonNode list) {
    return list.valueStream().mapToDouble(JsonNode::asDouble).toArray();
  }

  @Test
  void textsAreEmbeddedInTheirOrderByWhatTheModelNames() {
    Reply reply =
        place.post(EMBED, "{\"model\": \"base\", \"input\": [\"the pump\", \"a valve\"]}");
    assertThat(reply.status()).as(reply.text()).isEqualTo(200);
    assertThat(reply.json().get("object").asString()).isEqualTo("list");
    assertThat(reply.json().get("model").asString()).isEqualTo("base");
    assertThat(reply.json().get("data")).hasSize(2);
    assertThat(reply.json().at("/data/1/index").asInt()).isEqualTo(1);
    assertThat(reply.json().at("/data/1/object").asString()).isEqualTo("embedding");
    // float32 on both sides; the server's threads may cut products elsewhere
    assertThat(numbers(reply.json().at("/data/0/embedding")))
        .containsExactly(alone(null, "the pump"), within(1e-5));
    assertThat(numbers(reply.json().at("/data/1/embedding")))
        .containsExactly(alone(null, "a valve"), within(1e-5));
    Reply one = place.post(EMBED, "{\"model\": \"one\", \"input\": \"the pump\"}");
    assertThat(one.header("X-Adapter")).isEqualTo("one");
    assertThat(numbers(one.json().at("/data/0/embedding")))
        .containsExactly(alone(Place.ONE, "the pump"), within(1e-5));
    assertThat(one.json().at("/data/0")).isNotEqualTo(reply.json().at("/data/0"));
  }

  @Test
  void tokensAndBase64SayTheSameAndUsageCountsTokens() {
    JsonNode tokens = place.post("/tokenize", "{\"prompt\": \"the pump\"}").json().get("tokens");
    JsonNode text = place.post(EMBED, "{\"model\": \"base\", \"input\": \"the pump\"}").json();
    assertThat(text.at("/usage/prompt_tokens").asInt()).isEqualTo(tokens.size());
    assertThat(text.at("/usage/total_tokens").asInt()).isEqualTo(tokens.size());
    String body = "{\"model\": \"base\", \"input\": %s, \"encoding_format\": \"%s\"}";
    assertThat(place.post(EMBED, body.formatted(tokens, "float")).json()).isEqualTo(text);
    assertThat(place.post(EMBED, body.formatted("[" + tokens + "]", "float")).json())
        .isEqualTo(text);
    String packed =
        place
            .post(EMBED, body.formatted(tokens, "base64"))
            .json()
            .at("/data/0/embedding")
            .asString();
    var floats =
        ByteBuffer.wrap(Base64.getDecoder().decode(packed))
            .order(ByteOrder.LITTLE_ENDIAN)
            .asFloatBuffer();
    double[] numbers = numbers(text.at("/data/0/embedding"));
    assertThat(floats.remaining()).isEqualTo(numbers.length);
    for (double number : numbers) {
      assertThat(floats.get()).isEqualTo((float) number);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{'model': 'base'} | input | 'input' is missing; give a text, or a list of token ids",
        "{'model': 'base', 'input': ''} | input | 'input' has a text without tokens; give it one",
        "{'model': 'base', 'input': []} | input | 'input' has 0 inputs; 1 to 2048 may be",
        "{'model': 'base', 'input': {}} | input | 'input' is an object; it must be texts, or token"
            + " ids",
        "{'model': 'base', 'input': [999999]} | input | 'input' has token 999999; the model has",
        "{'model': 'base', 'input': 'a', 'encoding_format': 'int8'} | encoding_format |"
            + " 'encoding_format' is 'int8'; it must be float or base64",
        "{'model': 'base', 'input': 'a', 'dimensions': 2} | dimensions | 'dimensions' is 2; an"
            + " embedding of this model has",
        "{'model': 'nobody', 'input': 'a'} | model | there is no model 'nobody'",
      })
  void whatIsWrongIsSaidByItsField(String body, String field, String message) {
    Reply reply = place.post(EMBED, body.replace('\'', '"'));
    assertThat(reply.status()).as(reply.text()).isBetween(400, 404);
    assertThat(reply.error("param")).isEqualTo(field);
    assertThat(reply.error("message")).startsWith(message);
  }

  @Test
  void aTextThatIsLongerThanTheModelIsRefused() {
    String body = "{\"model\": \"base\", \"input\": \"%s\"}".formatted("pump ".repeat(3000));
    assertThat(place.post(EMBED, body).error("code")).isEqualTo("context_length_exceeded");
  }
}
