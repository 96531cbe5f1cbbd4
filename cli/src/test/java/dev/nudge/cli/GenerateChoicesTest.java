package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/// Runs `generate` on a tiny model with the flags that change logits, ends and what is told.
class GenerateChoicesTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir static Path folder;
  static Place place;

  @BeforeAll
  static void write() throws IOException {
    place = Place.in(folder);
    place.write("two.jsonl", "{\"prompt\": \"the pump\"}\n{\"prompt\": \"seven\"}\n");
  }

  @Test
  void aCompletionIsTheSameWhateverTheirNumber() {
    String[] flags = {"--temperature", "1", "--seed", "3", "--max-tokens", "8"};
    List<JsonNode> one = rows(flags);
    List<JsonNode> three = rows(with(flags, "--n", "3"));
    List<JsonNode> twenty = rows(with(flags, "--n", "20", "--threads", "2", "--lanes", "2"));
    assertThat(one).hasSize(2);
    assertThat(one.getFirst().propertyNames()).doesNotContain("choice");
    assertThat(three).hasSize(6);
    assertThat(twenty).hasSize(40);
    for (int i = 0; i < 40; i++) {
      JsonNode row = twenty.get(i);
      assertThat(row.get("index").asInt()).isEqualTo(i / 20);
      assertThat(row.get("choice").asInt()).isEqualTo(i % 20);
      if (i % 20 < 3) {
        assertThat(three.get(i / 20 * 3 + i % 20)).isEqualTo(row);
      }
      if (i % 20 == 0) {
        assertThat(one.get(i / 20).get("completion")).isEqualTo(row.get("completion"));
      }
    }
    assertThat(twenty.stream().map(r -> r.get("completion")).distinct().count()).isGreaterThan(20);
    Ran prompt =
        place.answer("generate", with(with(flags, "--n", "3"), "--prompt", "the pump", "-q"));
    assertThat(prompt.out().lines().map(JSON::readTree)).isEqualTo(three.subList(0, 3));
  }

  @Test
  void embeddingsAreOfTheModelsWidthAndTheSameInEveryForm() {
    List<JsonNode> rows = rows("--embed");
    assertThat(rows).hasSize(2);
    for (int i = 0; i < 2; i++) {
      assertThat(rows.get(i).propertyNames()).containsExactly("index", "embedding");
      assertThat(rows.get(i).get("index").asInt()).isEqualTo(i);
      assertThat(rows.get(i).get("embedding")).hasSizeGreaterThan(1);
    }
    assertThat(rows.getFirst().get("embedding")).isNotEqualTo(rows.getLast().get("embedding"));
    Ran one = place.answer("generate", "--prompt", "the pump", "--embed", "-q");
    assertThat(JSON.readTree(one.out())).isEqualTo(rows.getFirst());
    Ran object = place.answer("generate", "--prompt", "the pump", "--embed", "--json", "-q");
    assertThat(JSON.readTree(object.out())).isEqualTo(rows.getFirst());
    Ran wrong = place.answer("generate", "--prompt", "the pump", "--embed", "--top-k", "3");
    assertThat(wrong.code()).isEqualTo(2);
    assertThat(wrong.err())
        .isEqualTo(
            "nudge: --embed gives embeddings and samples nothing; leave the flags of sampling"
                + " out\n");
  }

  @Test
  void memoryBoundsWhatASequenceMayGrowTo() {
    Ran little = place.answer("generate", "--prompt", "the pump", "--memory", "1K");
    assertThat(little.code()).isEqualTo(2);
    assertThat(little.err().lines().toList().getLast())
        .startsWith("nudge: a sequence of up to ")
        .contains("keys and values", "raise --memory");
    Ran wrong = place.answer("generate", "--prompt", "the pump", "--memory", "much");
    assertThat(wrong.code()).isEqualTo(2);
    assertThat(wrong.err()).contains("--memory is 'much'").hasLineCount(1);
    Ran enough = place.answer("generate", "--prompt", "the pump", "--memory", "100M");
    assertThat(enough.code()).isZero();
    assertThat(enough.err()).contains("KV cache: ", " per token, ");
  }

  @Test
  void eachTokenIsToldWithItsLogprobAndTheLikeliestOnes() {
    List<String[]> ways =
        List.of(
            new String[] {},
            new String[] {"--temperature", "2", "--top-k", "50", "--presence-penalty", "1"});
    for (String[] way : ways) {
      List<JsonNode> rows =
          rows(with(way, "--max-tokens", "6", "--logprobs", "--top-logprobs", "4"));
      for (JsonNode row : rows) {
        JsonNode told = row.get("logprobs");
        assertThat(told).hasSize(row.get("tokens").asInt());
        StringBuilder text = new StringBuilder();
        for (JsonNode token : told) {
          text.append(token.get("token").asString());
          assertThat(token.get("top")).hasSize(4);
          double first = token.get("top").get(0).get("logprob").asDouble();
          assertThat(token.get("logprob").asDouble()).isLessThanOrEqualTo(first).isLessThan(0);
        }
        if (way.length == 0) {
          assertThat(told.get(0).get("top").get(0).get("id")).isEqualTo(told.get(0).get("id"));
          assertThat(text.toString()).startsWith(row.get("completion").asString());
        }
      }
    }
  }

  @Test
  void flagsOfEndsAndLogitsReachTheModel() {
    JsonNode greedy = rows("--max-tokens", "8", "--logprobs").getFirst();
    int first = greedy.get("logprobs").get(0).get("id").asInt();
    JsonNode stopped = rows("--max-tokens", "8", "--stop-id", "" + first).getFirst();
    assertThat(stopped.get("stop").asString()).isEqualTo("token");
    assertThat(stopped.get("tokens").asInt()).isEqualTo(1);
    assertThat(stopped.get("completion").asString()).isEmpty();
    JsonNode later =
        rows("--max-tokens", "8", "--stop-id", "" + first, "--min-tokens", "3", "--logprobs")
            .getFirst();
    List<Integer> ids = new ArrayList<>();
    later.get("logprobs").forEach(token -> ids.add(token.get("id").asInt()));
    assertThat(ids.subList(0, 3)).doesNotContain(first);
    JsonNode biased = rows("--max-tokens", "3", "--logit-bias", "7=100", "--logprobs").getFirst();
    biased.get("logprobs").forEach(token -> assertThat(token.get("id").asInt()).isEqualTo(7));
    String[] two = {"--max-tokens", "20", "--logit-bias", "7=100", "--logit-bias", "9=100"};
    JsonNode varied = rows(with(two, "--logprobs", "--frequency-penalty", "2")).getFirst();
    assertThat(varied.get("logprobs").valueStream().map(t -> t.get("id").asInt())).contains(7, 9);
  }

  private static List<JsonNode> rows(String... flags) {
    Ran ran = place.answer("generate", with(flags, "--data", "D/two.jsonl"));
    assertThat(ran.code()).as(ran.err()).isZero();
    return ran.out().lines().map(JSON::readTree).toList();
  }

  private static String[] with(String[] flags, String... more) {
    return Stream.concat(Stream.of(flags), Stream.of(more)).toArray(String[]::new);
  }
}
