package dev.nudge.adapter;

import dev.nudge.nn.Parameter;
import dev.nudge.nn.ScoreHead;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The score head of a reward model, which is trained and saved whole, in fp32.
record ScorePlace(ScoreHead head, @Nullable Parameter before, Parameter weight)
    implements Placement {

  static ScorePlace of(ScoreHead head, int width, ParameterMemory room, Source source) {
    Parameter weight =
        new Parameter(
            PeftFiles.SCORE,
            true,
            1,
            width,
            room.compute().accumulator(),
            room.lanes(),
            room.scope());
    if (!room.dry()) {
      source.score(weight.master());
    }
    return new ScorePlace(head, head.parameter(), weight);
  }

  @Override
  public String path() {
    return "score";
  }

  @Override
  public boolean free() {
    return head.parameter() == before;
  }

  @Override
  public boolean there() {
    return head.parameter() == weight;
  }

  @Override
  public void put() {
    head.set(weight);
  }

  @Override
  public void remove() {
    head.set(before);
  }

  @Override
  public List<Parameter> parameters() {
    return List.of(weight);
  }

  @Override
  public Map<String, Tensor> tensors(Scope scope) {
    return Map.of(weight.name(), weight.master());
  }
}
