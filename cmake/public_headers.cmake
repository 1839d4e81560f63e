# What is installed: what users may use. The rest, the inside of plans and of kernels above all, may change in any release.
set(REEL_PUBLIC_HEADERS
    data/file_writer.h data/files.h data/images.h data/keeper.h data/own_rows.h data/png.h data/record.h data/safetensors.h data/sequence_batch.h data/stored_type.h data/text_corpus.h data/versioned_record.h data/word_vectors.h data/words.h
    export/emit_cpp.h export/export_onnx.h
    graph/bf16.h graph/bindings.h graph/call_site.h graph/check_gradients.h graph/cpp_form.h graph/dealt_rows.h graph/error.h graph/fixed_sum.h graph/gradients.h graph/interpreter.h graph/mode.h graph/onnx_form.h
    graph/op.h graph/parameter.h graph/precision.h graph/print.h graph/random.h graph/shape.h graph/structural.h graph/tape.h graph/tensor.h
    graph/verify.h
    graph/kernels/tile-inl.h
    models/bidirectional.h models/convolution.h models/example.h models/hierarchical.h models/hopfield.h models/initializers.h models/layers.h
    models/lengths.h models/model_file.h models/parameter_set.h models/sequence_classifier.h models/unroll.h
    models/cells/any_cell.h models/cells/cell_base.h models/cells/cell_kinds.h models/cells/cell_options.h models/cells/cells.h
    models/cells/deep.h models/cells/elman.h models/cells/gate.h models/cells/gru.h models/cells/jordan.h models/cells/lstm.h
    models/cells/recurrent_cell.h models/cells/with_dropout.h
    models/exchange/keras.h models/exchange/layout.h models/exchange/naming.h models/exchange/pytorch.h
    models/generation/captioner.h models/generation/decoder.h models/generation/draw.h models/generation/encoder_decoder.h
    models/generation/writer.h
    ops/activation.h ops/arithmetic.h ops/batch_sum.h ops/broadcast.h ops/chain_rule.h ops/dropout.h ops/elementary.h ops/elementwise.h ops/embedding.h
    ops/joining.h ops/layer_norm.h ops/loss.h ops/matmul.h ops/operand.h ops/ops.h ops/pooling.h ops/reduction.h ops/reshape.h
    ops/row_scale.h ops/rows.h ops/rowwise.h ops/scalar.h ops/selection.h ops/softmax.h ops/transpose.h ops/unfold.h ops/weight_gradient.h
    ops/kernels/math-inl.h ops/kernels/multiply_add_rate.h ops/kernels/vector_op-inl.h
    plan/builder.h plan/compile.h plan/in_use.h plan/plan.h plan/profile.h plan/rewriter.h plan/session.h plan/session_family.h plan/shards.h
    plan/stream/stream.h plan/stream/stream_batch.h plan/stream/stream_model.h plan/thread_pool.h plan/workspace.h
    reel.h
    report/bar_chart.h report/cell_stories.h report/coloured_text.h report/drawing.h report/graph_drawing.h report/heat_map.h report/label_strip.h
    report/line_chart.h report/page.h report/pictures.h report/point.h report/scatter.h report/section.h report/text.h
    train/clipping.h train/optimizers.h train/schedules.h train/trainer.h
    train/distributed/gather_rows.h train/distributed/group.h train/distributed/group_exchange.h train/distributed/mpi_group.h
)
