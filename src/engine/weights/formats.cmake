# The parsers of weight files and the recognition of checkpoints: no torch, so that sanitizers and fuzzers
# build them without the engine.
atelier_layer(weight_formats
  SOURCES checkpoint_layout.cpp diffusers_folder.cpp ldm_names.cpp mapped_file.cpp model_version.cpp pickle_machine.cpp
          pickle_reader.cpp pickle_torch.cpp published_configs.cpp relatives.cpp safetensors_header.cpp tensor_info.cpp
          torch_archive.cpp weights_file.cpp weights_view.cpp zip_directory.cpp
  USES atelier_platform atelier_json)
