package dev.nudge.settings.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.settings.InputException;
import dev.nudge.settings.Schema;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class ObjectiveSettingsTest {
  private static TrainSettings of(String given) {
    Map<String, Object> values = new HashMap<>(Map.of("model", "m", "data", "d", "out", "o"));
    for (String pair : given.split(" ")) {
      values.put(pair.substring(0, pair.indexOf('=')), pair.substring(pair.indexOf('=') + 1));
    }
    return TrainSettings.of(values);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          beta=0.2 | --beta is given with --objective sft, which has no use for it; leave one out
          objective=orpo loss_type=ipo | --loss-type is given with --objective orpo, which has no use for it; leave one out
          objective=dpo desirable_weight=2 | --desirable-weight is given with --objective dpo, which has no use for it; leave one out
          objective=ppo | --objective is 'ppo'; supported: sft, dpo, kto, orpo, reward, grpo
          objective=dpo loss_type=exo | --loss-type is 'exo'; supported: sigmoid, hinge, ipo, robust, exo_pair, nca_pair, sppo_hard, aot, apo_zero, apo_down, dapo, grpo, dr_grpo, bnpo
          objective=dpo beta=0 | --beta is 0; it must be above 0
          objective=dpo loss_type=dapo | --loss-type dapo is given with --objective dpo, which has sigmoid, hinge, ipo, robust, exo_pair, nca_pair, sppo_hard, aot, apo_zero, apo_down
          objective=grpo loss_type=hinge | --loss-type hinge is given with --objective grpo, which has dapo, grpo, dr_grpo, bnpo
          objective=dpo generations=4 | --generations is given with --objective dpo, which has no use for it; leave one out
          objective=grpo beta=-1 | --beta is -1; it must be 0 or more
          objective=grpo shape=preference | --shape preference is given with --objective grpo, whose rows are prompt, or prompt, completions and rewards; leave one out
          objective=dpo label_smoothing=0.1 | --label-smoothing 0.1 is given with --loss-type sigmoid, which has no use for it; robust, exo_pair and aot have
          objective=dpo loss_type=exo_pair | --loss-type exo_pair needs --label-smoothing above 0; 1e-3 is a usual value
          objective=dpo loss_type=robust label_smoothing=0.5 | --label-smoothing is 0.5; it must be below 0.5 with robust
          objective=dpo reference=init-adapter | --reference init-adapter is given without --init-adapter; add it, or leave the reference out
          objective=dpo dropout=0.1 | --dropout 0.1 is given with --objective dpo, which compares answers without dropout; leave one out
          objective=dpo split=true | --split is given with --objective dpo, whose answers stay whole; leave one out
          objective=dpo completion={x} | --completion is given with --objective dpo, whose rows are prompt, chosen and rejected; leave one out
          objective=kto batch_size=1 | --batch-size is 1; with --objective kto it must be at least 2: answers are compared with those of the rows beside them
          objective=kto shape=preference | --shape preference is given with --objective kto, whose rows are prompt, completion and label; leave one out
          shape=preference | --shape preference is given with --objective sft, whose rows are prompt and completion, messages or text; leave one out
          objective=reward method=full | --method full is given with --objective reward, which trains an adapter with a score head; leave one out
          objective=reward samples=2 eval_data=e | --samples is given with --objective reward, whose model gives a number and no answer; leave one out
          objective=reward replay=r | --replay is given with --objective reward, which trains no next token; leave one out
          replay=r method=full | --replay is given with --method full, which keeps no base to stay near; leave one out
          replay_weight=2 | --replay-weight is given without --replay; add it
          replay=r replay_weight=0 | --replay-weight is 0; it must be above 0
          """)
  void whatDoesNotGoTogetherIsRefused(String given, String message) {
    assertThatThrownBy(() -> of(given)).isInstanceOf(InputException.class).hasMessage(message);
  }

  @Test
  void eachObjectiveHasARateOfItsOwn() {
    assertThat(of("objective=dpo").optimizer().learningRate().value()).isEqualTo(1e-5);
    assertThat(of("objective=dpo method=full").optimizer().learningRate().value()).isEqualTo(1e-6);
    assertThat(of("objective=reward").optimizer().learningRate().value()).isEqualTo(1e-4);
    assertThat(of("objective=sft").optimizer().learningRate().isAuto()).isTrue();
    assertThat(of("objective=kto learning_rate=3e-5").optimizer().learningRate().value())
        .isEqualTo(3e-5);
  }

  @ParameterizedTest
  @EnumSource
  void anObjectiveThatComparesHasADefaultRateAndNamesSettingsThatThereAre(ObjectiveName name) {
    TrainSettings settings = of("objective=" + name.shown());
    assertThat(settings.optimizer().learningRate().isAuto()).isNotEqualTo(name.compares());
    assertThat(Schema.of(ObjectiveSettings.class).values(settings.objective()).keySet())
        .containsAll(name.settings());
  }

  @Test
  void theReferenceIsTheStartWhereThereIsOne() {
    TrainSettings base = of("objective=dpo");
    assertThat(base.objective().measuredAgainst(base.lora())).isEqualTo(ReferenceModel.BASE);
    TrainSettings start = of("objective=dpo init_adapter=a");
    assertThat(start.objective().measuredAgainst(start.lora()))
        .isEqualTo(ReferenceModel.INIT_ADAPTER);
    TrainSettings said = of("objective=dpo init_adapter=a reference=base");
    assertThat(said.objective().measuredAgainst(said.lora())).isEqualTo(ReferenceModel.BASE);
  }
}
