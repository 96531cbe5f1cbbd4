package dev.nudge.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.ChannelsModel;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A model with channels, whose constrained answers begin behind more tokens.
class ChannelsServerTest {
  @TempDir private Path temp;

  @Test
  void aConstrainedAnswerWithoutRoomForATokenIsRefused() throws IOException {
    Path model = ChannelsModel.write(temp.resolve("model"));
    try (Place place =
        Place.open(
            _ ->
                ServeSettings.of(model)
                    .withServedModelName("base")
                    .withPort(0)
                    .withMaxModelLen(40))) {
      String text = "a" + "1".repeat(39 - tokens(place, "a"));
      assertThat(tokens(place, text)).isEqualTo(39);
      String schema =
          "\"response_format\": {\"type\": \"json_schema\", \"json_schema\": {\"name\": \"c\","
              + " \"schema\": {\"const\": 1}}}";
      Place.Reply free = place.post("/v1/chat/completions", Place.chat("base", text, ""));
      assertThat(free.status()).as(free.text()).isEqualTo(200);
      assertThat(free.json().at("/usage/completion_tokens").asInt(0)).isEqualTo(1);
      Place.Reply bound = place.post("/v1/chat/completions", Place.chat("base", text, schema));
      assertThat(bound.status()).as(bound.text()).isEqualTo(400);
      assertThat(bound.error("code")).isEqualTo("context_length_exceeded");
      assertThat(bound.error("param")).isEqualTo("messages");
    }
  }

  private static int tokens(Place place, String text) {
    return place
        .post("/tokenize", Place.chat("base", text, ""))
        .json()
        .path("count")
        .asInt(Integer.MAX_VALUE);
  }
}
