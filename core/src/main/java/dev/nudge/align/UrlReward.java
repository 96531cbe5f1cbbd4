package dev.nudge.align;

import dev.nudge.format.Json;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/// A reward that a server gives: a POST for each sample with `{"prompt", "completion", "tokens",
/// "finished", "row"}`, answered by `{"reward": 0.5}` or a number alone.
record UrlReward(String name, URI address, HttpClient client) implements Reward {

  private static final int MOST = 1 << 20; // bytes of an answer

  static UrlReward of(String name, String address) {
    HttpClient client =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(Duration.ofSeconds(Rewards.SECONDS))
            .build();
    return new UrlReward(name, URI.create(address), client);
  }

  @Override
  public double of(Sample sample) throws IOException, InterruptedException {
    Map<String, Object> asked =
        Map.of(
            "prompt", sample.prompt(),
            "completion", sample.completion(),
            "tokens", sample.tokens(),
            "finished", sample.finished(),
            "row", sample.row());
    HttpRequest request =
        HttpRequest.newBuilder(address)
            .timeout(Duration.ofSeconds(Rewards.SECONDS))
            .header("Content-Type", "application/json")
            .POST(BodyPublishers.ofString(Json.line(asked)))
            .build();
    HttpResponse<InputStream> answer = client.send(request, BodyHandlers.ofInputStream());
    byte[] said;
    try (InputStream body = answer.body()) {
      if (answer.statusCode() != 200) {
        throw new IOException("status " + answer.statusCode());
      }
      said = body.readNBytes(MOST + 1);
    }
    if (said.length > MOST) {
      throw new IOException("the answer is longer than %d bytes".formatted(MOST));
    }
    try {
      JsonNode node = Json.parse(new String(said, StandardCharsets.UTF_8));
      JsonNode reward = node.isNumber() ? node : node.path("reward");
      if (reward.isNumber()) {
        return reward.doubleValue();
      }
    } catch (JacksonException e) {
      // told below
    }
    throw new IOException("the answer is neither a number nor {\"reward\": a number}");
  }
}
