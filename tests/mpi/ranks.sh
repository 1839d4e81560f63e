# To be sourced: ranks N PROGRAM .. starts N ranks on this machine, however many processors it has, as whatever user.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_btl_base_warn_component_unused=0
ranks() {
  local n=$1
  shift
  "${REEL_MPIRUN:-mpirun}" --oversubscribe --bind-to none -np "$n" "$@"
}
