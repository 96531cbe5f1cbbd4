package dev.nudge.server.capture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.format.Json;
import dev.nudge.server.capture.FeedbackRows.Drop;
import dev.nudge.server.capture.FeedbackRows.Source;
import dev.nudge.server.capture.FeedbackRows.Written;
import dev.nudge.settings.Schema;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// Rows of what users said, and what is dropped. Lines are written as a server leaves them.
class FeedbackRowsTest {
  @TempDir Path folder;
  private final List<String> lines = new ArrayList<>();

  private void line(String json) {
    lines.add(json.replace('\'', '"'));
  }

  private void chat(String id, String prompt, String answer) {
    chat(id, prompt, answer, "stop");
  }

  private void chat(String id, String prompt, String answer, String finish) {
    line(
        "{'kind':'answer','id':'%s','client':'shop','prompt':[{'role':'user','content':'%s'}],'answers':[{'role':'assistant','content':'%s','refusal':null}],'finish':['%s']}"
            .formatted(id, prompt, answer, finish));
  }

  private void said(String id, String more) {
    line("{'kind':'feedback','id':'%s','choice':0,%s}".formatted(id, more));
  }

  private Written write(Object... more) throws IOException {
    write("shop/teams/2026-11-30.jsonl");
    return rows(more);
  }

  private void write(String name) throws IOException {
    Path file = folder.resolve("kept").resolve(name);
    Files.createDirectories(file.getParent());
    Files.write(file, lines);
    lines.clear();
  }

  private Written rows(Object... more) {
    Map<String, Object> values =
        new HashMap<>(Map.of("folder", folder.resolve("kept"), "out", folder.resolve("out")));
    for (int i = 0; i < more.length; i += 2) {
      values.put((String) more[i], more[i + 1]);
    }
    return FeedbackRows.write(Schema.of(FeedbackSettings.class).of(values));
  }

  private List<JsonNode> out(String name) throws IOException {
    Path file = folder.resolve("out").resolve(name);
    return Files.exists(file)
        ? Files.readAllLines(file).stream().map(Json::parse).toList()
        : List.of();
  }

  private static String pair(JsonNode row) {
    return row.at("/prompt/0/content").asString()
        + ": "
        + row.at("/chosen/0/content").asString()
        + " > "
        + row.at("/rejected/0/content").asString();
  }

  @Test
  void ratingsAreLabelledAnswersAndTheLastOneCounts() throws IOException {
    chat("a1", "q1", "good");
    said("a1", "'score':0.0");
    said("a1", "'score':1.0,'comment':'after all'");
    chat("a2", "q2", "bad");
    said("a2", "'score':0.2");
    said("a2", "'label':'tone'");
    chat("a3", "q3", "unrated");
    Written written = write();
    assertThat(written).isEqualTo(new Written(3, 2, 1, 1, Map.of(), Map.of(), 0));
    assertThat(out(FeedbackRows.KTO))
        .hasToString(
            "[{\"prompt\":[{\"role\":\"user\",\"content\":\"q1\"}],\"completion\":[{\"role\":\"assistant\",\"content\":\"good\"}],\"label\":true},"
                + " {\"prompt\":[{\"role\":\"user\",\"content\":\"q2\"}],\"completion\":[{\"role\":\"assistant\",\"content\":\"bad\"}],\"label\":false}]");
    assertThat(out(FeedbackRows.SFT))
        .hasToString(
            "[{\"prompt\":[{\"role\":\"user\",\"content\":\"q1\"}],\"completion\":[{\"role\":\"assistant\",\"content\":\"good\"}]}]");
    assertThat(folder.resolve("out").resolve(FeedbackRows.DPO)).doesNotExist();
  }

  @Test
  void correctionsRegenerationsAndRatingsOfOnePromptArePairs() throws IOException {
    chat("a1", "q1", "wrong");
    said("a1", "'correction':'right'");
    chat("a2", "q2", "first");
    chat("a3", "q2", "second");
    said("a3", "'regeneration_of':'a2'");
    chat("a4", "q3", "liked");
    chat("a5", "q3", "disliked");
    chat("a6", "q3", "liked too");
    said("a4", "'score':1");
    said("a5", "'score':0");
    said("a6", "'score':0.9");
    Written written = write();
    assertThat(out(FeedbackRows.DPO))
        .extracting(FeedbackRowsTest::pair)
        .containsExactly("q1: right > wrong", "q2: second > first", "q3: liked > disliked");
    assertThat(written.pairs())
        .isEqualTo(Map.of(Source.CORRECTION, 1, Source.REGENERATION, 1, Source.RATINGS, 1));
    assertThat(written.pairCount()).isEqualTo(3);
    assertThat(written.dropped()).isEmpty();
  }

  @Test
  void aRegenerationIsAPairOnlyWhereNoRatingSpeaksAgainstIt() throws IOException {
    String[][] cases = { // rating of the earlier answer, of the later one, whether it is a pair
      {"", "", "yes"}, {"0", "", "yes"}, {"", "1", "yes"}, {"0", "1", "yes"}, {"0.2", "0.4", "yes"},
      {"1", "", "no"}, {"", "0", "no"}, {"1", "0", "no"}, {"0", "0", "no"}, {"1", "1", "no"}
    };
    int pairs = 0;
    for (int i = 0; i < cases.length; i++) {
      chat("old" + i, "q" + i, "first");
      chat("new" + i, "q" + i, "second");
      said("new" + i, "'regeneration_of':'old" + i + "'");
      for (int k = 0; k < 2; k++) {
        if (!cases[i][k].isEmpty()) {
          said((k == 0 ? "old" : "new") + i, "'score':" + cases[i][k]);
        }
      }
      pairs += cases[i][2].equals("yes") ? 1 : 0;
    }
    Written written = write();
    assertThat(written.pairs().get(Source.REGENERATION)).isEqualTo(pairs).isEqualTo(5);
    assertThat(written.dropped()).isEqualTo(Map.of(Drop.CONFLICT, 5));
    // the one whose ratings say the opposite of the button is a pair of ratings
    assertThat(written.pairs().get(Source.RATINGS)).isEqualTo(1);
    assertThat(out(FeedbackRows.DPO))
        .extracting(FeedbackRowsTest::pair)
        .contains("q7: first > second");
  }

  @Test
  void whatMakesNoRowIsCountedWithItsReason() throws IOException {
    chat("ok", "q", "fine");
    said("ok", "'score':1");
    said("gone", "'score':1");
    chat("empty", "q", " ");
    said("empty", "'score':1");
    chat("cut", "q", "and so", "length");
    said("cut", "'score':1");
    chat("none", "q5", "words");
    said("none", "'correction':{'role':'assistant','content':''}");
    chat("half", "q", "so so");
    said("half", "'score':0.5");
    chat("same", "q9", "same");
    said("same", "'correction':'same'");
    chat("other", "q8", "x");
    said("other", "'regeneration_of':'ok'");
    chat("c1", "q7", "both");
    chat("c2", "q7", "both");
    said("c1", "'score':1");
    said("c2", "'score':0");
    chat("p1", "q6", "one");
    chat("p2", "q6", "two");
    said("p1", "'correction':'two'");
    said("p2", "'correction':'one'");
    line(
        "{'kind':'answer','id':'no','client':'shop','prompt':[],'answers':['x'],'finish':['stop']}");
    said("no", "'score':1");
    line("{'kind':'answer','id':'torn");
    Written written = write();
    assertThat(written.dropped())
        .isEqualTo(
            Map.of(
                Drop.NO_ANSWER, 1,
                Drop.NO_PROMPT, 1,
                Drop.EMPTY, 2,
                Drop.CUT, 1,
                Drop.NEITHER, 1,
                Drop.EQUAL, 1,
                Drop.OTHER_PROMPT, 1,
                Drop.CONFLICT, 4));
    assertThat(written.torn()).isEqualTo(1);
    assertThat(out(FeedbackRows.KTO))
        .extracting(row -> row.at("/completion/0/content").asString())
        .containsExactly("fine", "two", "one"); // a correction is a good answer
    assertThat(out(FeedbackRows.DPO)).isEmpty();
  }

  @Test
  void aBadAnswerThatWasCutIsStillABadOne() throws IOException {
    chat("a1", "q", "on and on", "length");
    said("a1", "'score':0,'correction':'short'");
    Written written = write();
    assertThat(written.disliked()).isEqualTo(1);
    assertThat(out(FeedbackRows.DPO))
        .extracting(FeedbackRowsTest::pair)
        .containsExactly("q: short > on and on");
  }

  @Test
  void textsToolsAndSeveralChoicesAndTurnsKeepTheirShape() throws IOException {
    line(
        "{'kind':'answer','id':'t','client':'shop','prompt':'Ticket: x\\n"
            + "Team:','answers':[' billing',' sales'],'finish':['stop','stop']}");
    said("t", "'correction':' returns'");
    line("{'kind':'feedback','id':'t','choice':1,'score':1}");
    line("{'kind':'feedback','id':'t','choice':2,'score':1}");
    line(
        "{'kind':'answer','id':'c','client':'shop','tools':[{'type':'function','function':{'name':'f'}}],"
            + "'prompt':[{'role':'system','content':'s'},{'role':'user','content':'a'},{'role':'assistant','content':'b'},{'role':'user','content':'c'}],"
            + "'answers':[{'role':'assistant','content':null,'tool_calls':[{'id':'1','type':'function','function':{'name':'f','arguments':'{\\'x\\':1}'}}]}],'finish':['tool_calls']}");
    said("c", "'score':0,'correction':{'role':'assistant','content':'no tool'}");
    Written written = write();
    assertThat(written.dropped()).isEqualTo(Map.of(Drop.NO_ANSWER, 1));
    List<JsonNode> pairs = out(FeedbackRows.DPO);
    assertThat(pairs.getFirst())
        .hasToString(
            "{\"prompt\":\"Ticket: x\\nTeam:\",\"chosen\":\" returns\",\"rejected\":\" billing\"}");
    assertThat(pairs.getLast().path("prompt")).hasSize(4);
    assertThat(pairs.getLast().path("tools")).hasSize(1);
    assertThat(pairs.getLast().at("/rejected/0/tool_calls/0/function/name").asString())
        .isEqualTo("f");
    assertThat(pairs.getLast().at("/rejected/0/tool_calls/0/function/arguments/x").asInt())
        .isEqualTo(1); // templates write objects, clients get texts
    assertThat(pairs.getLast().at("/chosen/0/content").asString()).isEqualTo("no tool");
    assertThat(out(FeedbackRows.KTO))
        .extracting(JsonNode::toString)
        .startsWith(
            "{\"prompt\":\"Ticket: x\\nTeam:\",\"completion\":\" returns\",\"label\":true}",
            "{\"prompt\":\"Ticket: x\\nTeam:\",\"completion\":\" sales\",\"label\":true}");
  }

  @Test
  void clientsAndAdaptersAreChosenByTheirFolders() throws IOException {
    for (String where : List.of("shop/teams", "bank/teams", "a%20b/legal")) {
      chat("id" + where, "q", where);
      said("id" + where, "'score':1");
      write(where + "/2026-11-30.jsonl");
    }
    assertThat(rows("client", List.of("shop")).liked()).isEqualTo(1);
    assertThat(rows("adapter", List.of("teams"), "overwrite", true).liked()).isEqualTo(2);
    assertThat(rows("client", List.of("a b", "bank"), "overwrite", true).answers()).isEqualTo(2);
    assertThat(rows("overwrite", true).liked()).isEqualTo(3);
    assertThatThrownBy(() -> rows("client", List.of("nobody"), "overwrite", true))
        .hasMessage(
            folder.resolve("kept")
                + " has 0 answers and 0 opinions, of which no row can be made; users rate answers"
                + " by POST /v1/feedback");
  }

  @Test
  void filesOfOtherFeedbackAreNotReplacedUnasked() throws IOException {
    chat("a1", "q", "wrong");
    said("a1", "'correction':'right'");
    write();
    Path dpo = folder.resolve("out").resolve(FeedbackRows.DPO);
    assertThat(dpo).exists();
    assertThatThrownBy(this::rows)
        .hasMessage(
            folder.resolve("out").resolve(FeedbackRows.KTO)
                + " is there already; give another --out, or --overwrite to replace it");
    chat("a1", "q", "good");
    said("a1", "'score':1");
    write("overwrite", true);
    assertThat(out(FeedbackRows.KTO)).hasSize(1);
    assertThat(dpo).doesNotExist();
    assertThatThrownBy(() -> rows("folder", folder.resolve("none"), "overwrite", true))
        .hasMessage(folder.resolve("none") + " is no folder; give the one of serve --capture");
  }
}
