// Azure resources for inference: a storage account with a file share, a Container Apps environment with a
// workload profile, and one container app that runs the code on the share.
//
// What exists keeps what it has
// -----------------------------
// An ARM deployment PUTs each resource it names, and a PUT resets what its body leaves out: other workload
// profiles of an environment, network rules of a storage account, secrets of an app. So the caller reads what
// exists first and says so here. The defaults mean: nothing exists yet.
//
//   storageAccountExists    true: the account and its file service are used as they are.
//   fileShareExists         true: the share is used as it is (quota, tier, metadata).
//   acaLogAnalyticsExists   true: the workspace is used as it is.
//   acaEnvironmentExists    true: the environment is used as it is, its log destination too, so no workspace is
//                           made. It must already hold the workload profile `workloadProfileName`: a template
//                           can't PATCH, so the caller adds a missing one beforehand
//                           (`az containerapp env workload-profile add`).
//   acaEnvironmentLocation  the existing environment's location, where that is not `location`.
//   existingApp             what GET on the app answers, in the API version used below. Its tags, identity,
//                           ingress rules, registries, Dapr settings, sidecars, environment variables, volumes
//                           and scale are kept; what a parameter names (image, commands, cpu, memory, workload
//                           profile, port) is set.
//   existingAppSecrets      what POST listSecrets on the app answers: GET leaves the values out, and a PUT
//                           without them would delete them.
//
// The environment storage is always PUT: it holds the account's key, and the key is all that can be updated.

targetScope = 'resourceGroup'

// ---- documented parameters --------------------------------------------------------------------------------

// --no-compile: a container starts from nothing each time, and most of what is installed is never imported.
@description('The commands that start the web API, run in order by /bin/bash; a failed one stops the start. The file share is mounted at /mount.')
@minLength(1)
param defaultCommands array = [
  'cd /mount/inference'
  'pip install --no-compile --disable-pip-version-check -r requirements.txt'
  'python gradio_chat.py'
]

@description('The GPU capacity of the environment: how many nodes a dedicated GPU workload profile may grow to. Each node is billed. Serverless GPUs and CPUs have no such limit: see maxReplicas.')
@minValue(1)
@maxValue(20)
param maximumInstanceCount int = 1

@description('Where new resources are made. Defaults to the location of the resource group.')
@minLength(1)
param location string = resourceGroup().location

@description('The storage account that holds the file share: 3 to 24 lower-case letters and digits. Defaults to the name of the fine-tuning step.')
@minLength(3)
@maxLength(24)
param storageAccountName string = 'aistorage${substring(uniqueString(resourceGroup().id), 0, 5)}'

@description('The file share for code, models and adapters: 3 to 63 lower-case letters, digits and single hyphens. Defaults to the name of the fine-tuning step.')
@minLength(3)
@maxLength(63)
param fileShareName string = 'aifileshare${substring(uniqueString(resourceGroup().id), 0, 5)}'

@description('The Container Apps environment. Defaults to the name of the fine-tuning step.')
@minLength(2)
@maxLength(60)
param acaEnvironmentName string = 'aienv${substring(uniqueString(resourceGroup().id), 0, 5)}'

@description('The name under which the environment knows the file share. Defaults to the name of the fine-tuning step.')
@minLength(2)
@maxLength(32)
param acaEnvironmentStorageName string = 'aienvstorage${substring(uniqueString(resourceGroup().id), 0, 5)}'

@description('The container app that serves the model: 2 to 32 lower-case letters, digits and hyphens, starting with a letter.')
@minLength(2)
@maxLength(32)
param acaAppName string = 'aiacaapp${substring(uniqueString(resourceGroup().id), 0, 5)}'

@description('The Log Analytics workspace of a new environment. Defaults to the name of the fine-tuning step.')
@minLength(4)
@maxLength(63)
param acaLogAnalyticsName string = 'ailog${substring(uniqueString(resourceGroup().id), 0, 5)}'

// ---- what the app runs on ---------------------------------------------------------------------------------

@description('The hardware. Serverless GPU: Consumption-GPU-NC24-A100, Consumption-GPU-NC8as-T4 (billed while a replica runs). Dedicated GPU: NC24-A100, NC48-A100, NC96-A100 (billed a node; only for environments that were created with it). CPU: Consumption.')
@allowed([
  'Consumption'
  'Consumption-GPU-NC24-A100'
  'Consumption-GPU-NC8as-T4'
  'NC24-A100'
  'NC48-A100'
  'NC96-A100'
])
param workloadProfileType string = 'Consumption-GPU-NC24-A100'

@description('The name of the workload profile in the environment. Defaults to one name a type; NC24-A100 is called GPU, as in the fine-tuning step.')
@minLength(1)
@maxLength(15)
param workloadProfileName string = {
  Consumption: 'Consumption'
  'Consumption-GPU-NC24-A100': 'serverless-A100'
  'Consumption-GPU-NC8as-T4': 'serverless-T4'
  'NC24-A100': 'GPU'
  'NC48-A100': 'GPU-NC48'
  'NC96-A100': 'GPU-NC96'
}[workloadProfileType]

@description('The container image. It needs /bin/bash and what defaultCommands call.')
@minLength(1)
param image string = 'docker.io/library/python:3.12-slim'

@description('CPU cores of a replica, for example 0.5 or 24. Defaults to all that a GPU replica may have, or 2 on CPU.')
@minLength(1)
param cpu string = {
  Consumption: '2'
  'Consumption-GPU-NC24-A100': '24'
  'Consumption-GPU-NC8as-T4': '8'
  'NC24-A100': '24'
  'NC48-A100': '48'
  'NC96-A100': '96'
}[workloadProfileType]

@description('Memory of a replica, for example 4Gi. Defaults to all that a GPU replica may have, or 4Gi on CPU.')
@minLength(3)
param memory string = {
  Consumption: '4Gi'
  'Consumption-GPU-NC24-A100': '220Gi'
  'Consumption-GPU-NC8as-T4': '56Gi'
  'NC24-A100': '220Gi'
  'NC48-A100': '440Gi'
  'NC96-A100': '880Gi'
}[workloadProfileType]

@description('The fewest replicas. 1 keeps the model loaded and is billed all the time; 0 lets the app sleep, and the first request then waits for a start. An existing app keeps its own.')
@minValue(0)
@maxValue(1000)
param minReplicas int = existingApp.?properties.?template.?scale.?minReplicas ?? 1

@description('The most replicas. Each takes a GPU of its own. An existing app keeps its own.')
@minValue(1)
@maxValue(1000)
param maxReplicas int = existingApp.?properties.?template.?scale.?maxReplicas ?? 1

@description('The port on which the web API listens. The commands find it in the environment variable PORT.')
@minValue(1)
@maxValue(65535)
param targetPort int = 7860

@description('The path that the probes ask for. It must answer 200 once the web API is up.')
@minLength(1)
param probePath string = '/'

// ---- what exists already (read by the caller, see the top) --------------------------------------------------

@description('Whether the storage account exists; it is then left as it is.')
param storageAccountExists bool = false

@description('Whether the file share exists; it is then left as it is.')
param fileShareExists bool = false

@description('Whether the Log Analytics workspace exists; it is then left as it is.')
param acaLogAnalyticsExists bool = false

@description('Whether the environment exists; it is then left as it is, and must hold the workload profile already.')
param acaEnvironmentExists bool = false

@description('The location of the environment, which is that of its app too.')
@minLength(1)
param acaEnvironmentLocation string = location

@description('The app as GET answers it, when it exists: what the other parameters do not name is kept.')
param existingApp object = {}

@description('The secrets of the app as listSecrets answers them, when it exists: they are kept.')
@secure()
param existingAppSecrets object = {}

// ---- storage ------------------------------------------------------------------------------------------------

resource newStorageAccount 'Microsoft.Storage/storageAccounts@2023-05-01' = if (!storageAccountExists) {
  name: storageAccountName
  location: location
  sku: {
    name: 'Standard_LRS'
  }
  kind: 'StorageV2'
  properties: {
    allowBlobPublicAccess: false
    allowSharedKeyAccess: true // an SMB volume is mounted with the account's key
    largeFileSharesState: 'Enabled'
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
  }
}

resource newFileService 'Microsoft.Storage/storageAccounts/fileServices@2023-05-01' = if (!storageAccountExists) {
  parent: newStorageAccount
  name: 'default'
  properties: {
    shareDeleteRetentionPolicy: {
      enabled: true
      days: 7
    }
  }
}

resource storageAccount 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {
  name: storageAccountName

  resource fileService 'fileServices' existing = {
    name: 'default'
  }
}

resource newFileShare 'Microsoft.Storage/storageAccounts/fileServices/shares@2023-05-01' = if (!fileShareExists) {
  parent: storageAccount::fileService
  name: fileShareName
  properties: {
    shareQuota: 1024
  }
  dependsOn: [
    newFileService
  ]
}

// ---- environment --------------------------------------------------------------------------------------------

resource newLogAnalytics 'Microsoft.OperationalInsights/workspaces@2023-09-01' = if (!acaEnvironmentExists && !acaLogAnalyticsExists) {
  name: acaLogAnalyticsName
  location: location
  properties: {
    sku: {
      name: 'PerGB2018'
    }
  }
}

resource logAnalytics 'Microsoft.OperationalInsights/workspaces@2023-09-01' existing = {
  name: acaLogAnalyticsName
}

// Limits of nodes belong to dedicated profiles alone: on a serverless one they are refused
// (WorkloadProfilePropertyNotSupported).
var chosenProfiles = {
  Consumption: []
  serverless: [
    {
      name: workloadProfileName
      workloadProfileType: workloadProfileType
    }
  ]
  dedicated: [
    {
      name: workloadProfileName
      workloadProfileType: workloadProfileType
      minimumCount: 0
      maximumCount: maximumInstanceCount
    }
  ]
}
var profileKind = workloadProfileType == 'Consumption'
  ? 'Consumption'
  : startsWith(workloadProfileType, 'Consumption-') ? 'serverless' : 'dedicated'

resource newEnvironment 'Microsoft.App/managedEnvironments@2024-03-01' = if (!acaEnvironmentExists) {
  name: acaEnvironmentName
  location: acaEnvironmentLocation
  properties: {
    appLogsConfiguration: {
      destination: 'log-analytics'
      logAnalyticsConfiguration: {
        // Runtime functions are called even where the condition is false: only `if` spares the call.
        customerId: acaEnvironmentExists ? '' : logAnalytics.properties.customerId
        sharedKey: acaEnvironmentExists ? '' : logAnalytics.listKeys().primarySharedKey
      }
    }
    workloadProfiles: concat(
      [
        {
          name: 'Consumption'
          workloadProfileType: 'Consumption'
        }
      ],
      chosenProfiles[profileKind]
    )
  }
  dependsOn: [
    newLogAnalytics
  ]
}

resource environment 'Microsoft.App/managedEnvironments@2024-03-01' existing = {
  name: acaEnvironmentName
}

resource environmentStorage 'Microsoft.App/managedEnvironments/storages@2024-03-01' = {
  parent: environment
  name: acaEnvironmentStorageName
  properties: {
    azureFile: {
      accountName: storageAccountName
      accountKey: storageAccount.listKeys().keys[0].value
      shareName: fileShareName
      accessMode: 'ReadWrite'
    }
  }
  dependsOn: [
    newEnvironment
    newStorageAccount
    newFileShare
  ]
}

// ---- app ----------------------------------------------------------------------------------------------------

var keptConfiguration = existingApp.?properties.?configuration ?? {}
var keptTemplate = existingApp.?properties.?template ?? {}
var keptContainers = keptTemplate.?containers ?? []
var keptContainer = keptContainers[?0] ?? {}
var keptSecrets = existingAppSecrets.?value ?? []

var volumeName = '${fileShareName}volume'
var otherVolumes = filter(keptTemplate.?volumes ?? [], volume => volume.name != volumeName)
var otherMounts = filter(
  keptContainer.?volumeMounts ?? [],
  mount => mount.volumeName != volumeName && mount.mountPath != '/mount'
)
var otherVariables = filter(keptContainer.?env ?? [], variable => variable.name != 'PORT')

var probe = {
  httpGet: {
    path: probePath
    port: targetPort
    scheme: 'HTTP'
  }
}

// The first container is ours; the others are sidecars.
var container = union(keptContainer, {
  name: keptContainer.?name ?? acaAppName
  image: image
  command: [
    '/bin/bash'
    '-c'
    join(defaultCommands, ' && ')
  ]
  resources: {
    cpu: json(cpu)
    memory: memory
  }
  env: concat(otherVariables, [
    {
      name: 'PORT'
      value: string(targetPort)
    }
  ])
  // The documented window for a start, 60 s and ten times 120 s, asked every 6 s: packages and a model are
  // loaded in it, and a quick start is seen quickly. The other two begin once the start has succeeded.
  probes: [
    union(probe, { type: 'Startup', periodSeconds: 6, timeoutSeconds: 5, failureThreshold: 210 })
    union(probe, { type: 'Liveness', periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 })
    union(probe, { type: 'Readiness', periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 })
  ]
  volumeMounts: concat(otherMounts, [
    {
      volumeName: volumeName
      mountPath: '/mount'
    }
  ])
})

var ingress = union(
  {
    external: true
    allowInsecure: false
    transport: 'Auto'
    traffic: [
      {
        latestRevision: true
        weight: 100
      }
    ]
  },
  keptConfiguration.?ingress ?? {},
  {
    targetPort: targetPort
  }
)

resource app 'Microsoft.App/containerApps@2024-03-01' = {
  name: acaAppName
  location: acaEnvironmentLocation
  tags: existingApp.?tags ?? {}
  identity: existingApp.?identity ?? { type: 'None' }
  properties: {
    environmentId: environment.id
    workloadProfileName: workloadProfileName
    configuration: union(
      {
        activeRevisionsMode: 'Single'
      },
      keptConfiguration,
      {
        secrets: keptSecrets
        ingress: ingress
      }
    )
    template: union(keptTemplate, {
      revisionSuffix: '' // a kept suffix would name a revision that exists
      containers: concat([container], skip(keptContainers, 1))
      scale: union(keptTemplate.?scale ?? {}, {
        minReplicas: minReplicas
        maxReplicas: maxReplicas
      })
      volumes: concat(otherVolumes, [
        {
          name: volumeName
          storageType: 'AzureFile'
          storageName: acaEnvironmentStorageName
        }
      ])
    })
  }
  dependsOn: [
    environmentStorage
  ]
}

// ---- the six keys of infra/inference.config.json ------------------------------------------------------------

@description('The subscription of the app.')
output SUBSCRIPTION_ID string = subscription().subscriptionId

@description('The resource group of the app.')
output RESOURCE_GROUP_NAME string = resourceGroup().name

@description('The storage account that holds the file share.')
output STORAGE_ACCOUNT_NAME string = storageAccountName

@description('The file share mounted at /mount.')
output FILE_SHARE_NAME string = fileShareName

@description('The container app that serves the model.')
output ACA_APP_NAME string = app.name

@description('The host name at which the app answers.')
output ACA_APP_ENDPOINT string = app.properties.configuration.ingress.fqdn
