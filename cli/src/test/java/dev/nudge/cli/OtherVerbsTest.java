package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.cli.console.Verb;
import java.util.List;
import org.junit.jupiter.api.Test;

class OtherVerbsTest {
  private static final String HERE = "here it is ";

  @Test
  void aNameLeadsToAVerbOrToASentence() {
    List<String> verbs = Library.verbs().stream().map(Verb::name).toList();
    List<String> words = Library.verbs().stream().map(Verb::group).toList();
    assertThat(OtherVerbs.all().keySet()).doesNotContainAnyElementsOf(words);
    assertThat(OtherVerbs.all().keySet()).doesNotContainAnyElementsOf(verbs);
    OtherVerbs.all()
        .forEach(
            (name, hint) -> {
              if (hint.startsWith(HERE)) {
                String verb = hint.substring(HERE.length()).split(" ")[0];
                assertThat(verb.equals("--version") || words.contains(verb)).as(hint).isTrue();
              } else {
                assertThat(hint).as(name).startsWith("there is no");
              }
            });
  }

  @Test
  void whatNobodyKnowsIsSentToTheHelp() {
    assertThat(OtherVerbs.hint("Finetune", List.of())).isEqualTo("; here it is train");
    assertThat(OtherVerbs.hint("trian", List.of("train"))).isEqualTo("; did you mean train?");
    assertThat(OtherVerbs.hint("frobnicate", List.of("train"))).isEqualTo("; see nudge --help");
  }
}
