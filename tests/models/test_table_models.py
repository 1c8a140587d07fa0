"""What the models of tables do beyond the contract: their options, crossed columns, embeddings and tokens."""

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from dl_assets import registry
from dl_assets.errors import ConfigError
from dl_assets.inference.layers import head_of
from dl_assets.models._parts.activations import ACTIVATIONS
from dl_assets.models.fnn import fnn
from dl_assets.models.ft_transformer import Attention, ft_transformer
from dl_assets.models.wide_deep import wide_deep

SPANS = [("number", "age", 0, 3), ("category", "sex", 3, 5), ("category", "town", 5, 25), ("number", "fare", 25, 29)]
FEATURES = 29


def shapes(model: nn.Module) -> list[tuple[int, ...]]:
    return [tuple(parameter.shape) for parameter in model.parameters() if parameter.ndim > 1]


def num_crossed(**options: object) -> int:
    crossed = wide_deep(FEATURES, 3, SPANS, **options).head.crossed
    return crossed.in_features if crossed else 0


# ---- fnn ---------------------------------------------------------------------------------------------------------


def test_a_category_of_many_words_is_embedded_and_a_narrow_one_is_not():
    assert shapes(fnn(FEATURES, 3, SPANS, hidden=(7,), embed_from=20)) == [(9, 20), (7, 9 + 9), (3, 7)]
    assert shapes(fnn(FEATURES, 3, SPANS, hidden=(7,), embed_from=21)) == [(7, FEATURES), (3, 7)]


def test_numbers_are_never_embedded():
    assert shapes(fnn(40, 3, [("number", "age", 0, 40)], hidden=(7,), embed_from=2)) == [(7, 40), (3, 7)]


def test_embedding_a_column_leaves_the_features_of_the_others_as_they_are():
    embeddings = fnn(FEATURES, 3, SPANS).embeddings
    features = torch.rand(2, FEATURES)
    kept = torch.cat([features[:, :5], features[:, 25:]], dim=1)
    assert torch.equal(embeddings(features)[:, :9], kept)


def test_a_word_is_embedded_as_the_row_of_a_lookup():
    embeddings = fnn(FEATURES, 3, SPANS).embeddings
    features = torch.zeros(1, FEATURES)
    features[0, 5 + 4] = 1
    lookup = nn.Embedding.from_pretrained(embeddings.tables[0].weight.T)
    assert torch.allclose(embeddings(features)[:, 9:], lookup(torch.tensor([4])))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("model", [fnn, wide_deep])
def test_every_activation_is_behind_every_hidden_layer(model, activation):
    built = model(FEATURES, 3, SPANS, activation=activation, hidden=(8, 6))
    assert sum(isinstance(module, ACTIVATIONS[activation]) for module in built.modules()) == 2


def test_without_batch_norm_the_hidden_layers_have_a_bias():
    names = [name for name, _ in fnn(FEATURES, 3, SPANS, hidden=(8,), batch_norm=False).hidden.named_parameters()]
    assert names == ["0.0.weight", "0.0.bias"]


@pytest.mark.parametrize("options", [{"dropout": 0.5}, {"input_dropout": 0.5}])
def test_dropout_is_only_felt_in_training(options):
    torch.manual_seed(0)
    model, features = fnn(FEATURES, 3, SPANS, batch_norm=False, **{"dropout": 0.0, **options}), torch.rand(2, FEATURES)
    assert torch.equal(model.eval()(features), model(features))
    assert not torch.equal(model.train()(features), model.eval()(features))


@pytest.mark.parametrize(
    ("model", "options"),
    [
        (fnn, {"hidden": ()}),
        (fnn, {"hidden": (0,)}),
        (fnn, {"dropout": 1.0}),
        (fnn, {"embed_from": 1}),
        (fnn, {"activation": "sine"}),
        (wide_deep, {"max_crossed": -1}),
        (wide_deep, {"crosses": "all"}),
        (wide_deep, {"crosses": (("age",),)}),
        (ft_transformer, {"width": 2}),
        (ft_transformer, {"depth": 0}),
        (ft_transformer, {"attention_dropout": 1.0}),
    ],
)
def test_an_option_out_of_its_bounds_is_refused(model, options):
    with pytest.raises(ValidationError):
        registry.options_of(model)(**options)


def test_pairs_of_columns_are_read_as_a_pipeline_file_has_them():
    options = registry.options_of(wide_deep).model_validate_json('{"crosses": [["sex", "town"]]}')
    assert options.crosses == (("sex", "town"),)


# ---- wide_deep ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"crosses": (("sex", "town"),)}, 2 * 20),
        ({"crosses": (("sex", "town"), ("age", "fare"))}, 2 * 20 + 3 * 4),
        ({"crosses": ()}, 0),
        ({"max_crossed": 0}, 0),
        ({"max_crossed": 39}, 0),
        ({"max_crossed": 40}, 2 * 20),
        ({"max_crossed": 2 * 20 + 2 * 3}, 2 * 20 + 2 * 3),
        ({}, 2 * 20 + (2 + 20) * (3 + 4) + 3 * 4),
    ],
)
def test_every_two_features_of_crossed_columns_have_a_weight(options, expected):
    assert num_crossed(**options) == expected


def test_what_is_wide_is_a_bilinear_form_of_the_crossed_columns():
    torch.manual_seed(0)
    model, features = wide_deep(FEATURES, 3, SPANS, crosses=(("sex", "fare"),)).eval(), torch.rand(5, FEATURES)
    without = model(features)
    weights = nn.init.normal_(model.head.crossed.weight).unflatten(1, (2, 4))  # [3, sex, fare]
    bilinear = nn.functional.bilinear(features[:, 3:5], features[:, 25:29], weights)
    assert torch.allclose(model(features) - without, bilinear, atol=1e-5)


def test_the_weights_of_what_is_wide_begin_at_zero_and_learn():
    model = wide_deep(FEATURES, 3, SPANS)
    wide = [model.head.wide.weight, model.head.crossed.weight]
    assert all(not weight.any() for weight in wide)
    model(torch.rand(4, FEATURES)).sum().backward()
    assert all(weight.grad.any() for weight in wide)


def test_the_head_is_everything_that_answers():
    assert head_of(wide_deep(FEATURES, 3, SPANS)) == [
        f"head.{n}" for n in ("wide.weight", "crossed.weight", "deep.weight", "deep.bias")
    ]


def test_a_column_that_is_not_there_is_told_with_the_nearest():
    with pytest.raises(ConfigError, match=r"model\.crosses names the column 'twon'.*did you mean 'town'\? Choose of: age, sex"):
        wide_deep(FEATURES, 3, SPANS, crosses=(("sex", "twon"),))


def test_ten_thousand_columns_are_crossed_as_far_as_there_is_room():
    spans = [("category", str(number), 2 * number, 2 * number + 2) for number in range(10_000)]
    with torch.device("meta"):
        assert wide_deep(20_000, 2, spans).head.crossed.in_features == 4096


# ---- ft_transformer ----------------------------------------------------------------------------------------------


def test_each_column_is_one_token_behind_that_of_the_answer():
    assert ft_transformer(FEATURES, 3, SPANS, width=8).tokens(torch.rand(2, FEATURES)).shape == (2, 1 + 4, 8)


def test_a_token_is_a_linear_function_of_its_column_alone():
    torch.manual_seed(0)
    tokens = ft_transformer(FEATURES, 3, SPANS, width=8).tokens
    features = torch.zeros(1, FEATURES)
    before = tokens(features)[0]
    for _, _, start, stop in SPANS:
        once, twice = (tokens(features.index_fill(1, torch.arange(start, stop), value))[0] for value in (1.0, 2.0))
        assert (once != before).any(dim=1).sum() == 1
        assert torch.allclose(twice - before, 2 * (once - before), atol=1e-5)


def test_a_column_of_many_words_costs_no_room_for_the_others():
    spans = [("category", "town", 0, 1000), *(("number", str(number), 1000 + number, 1001 + number) for number in range(50))]
    assert sum(parameter.numel() for parameter in ft_transformer(1050, 3, spans, width=8).tokens.columns.parameters()) == (
        (1050 + 51) * 8
    )


def test_the_biases_of_the_tokens_are_not_taken_for_weights_that_decay():
    tokens = ft_transformer(FEATURES, 3, SPANS).tokens
    assert {name.rpartition(".")[2] for name, parameter in tokens.named_parameters() if parameter.ndim > 1} == {"weight"}


def test_attention_dropout_is_only_felt_in_training():
    torch.manual_seed(0)
    model = ft_transformer(FEATURES, 3, SPANS, dropout=0.0, attention_dropout=0.5)
    features = torch.rand(2, FEATURES)
    assert torch.equal(model.eval()(features), model(features))
    assert not torch.equal(model.train()(features), model.eval()(features))


def test_attention_is_that_of_torch():
    torch.manual_seed(0)
    attention = Attention(8, heads=2, dropout=0.0)
    theirs = nn.MultiheadAttention(8, 2, batch_first=True).eval()
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([attention.query.weight, attention.key_value.weight]))
        theirs.in_proj_bias.copy_(torch.cat([attention.query.bias, attention.key_value.bias]))
        theirs.out_proj.load_state_dict(attention.attended.state_dict())
    tokens = torch.rand(3, 5, 8)
    assert torch.allclose(attention(tokens[:, :1], tokens), theirs(tokens[:, :1], tokens, tokens)[0], atol=1e-6)


def test_heads_that_do_not_divide_the_width_are_told_with_some_that_do():
    with pytest.raises(ConfigError, match=r"model\.heads is 5, which does not divide model\.width, 64\. .* heads: 4\."):
        ft_transformer(FEATURES, 3, SPANS, heads=5)
